/**
 * The one door to the framework. cdktf is archived and its successor is a rename of the package, so nothing else of ours imports it, except
 * `@cdktf/provider-aws/lib/NAME` where a resource is defined.
 */

export { App } from 'cdktf/lib/app';
export { LocalBackend } from 'cdktf/lib/backends/local-backend';
export { S3Backend } from 'cdktf/lib/backends/s3-backend';
export { addCustomSynthesis } from 'cdktf/lib/synthesize/synthesizer';
export { AssetType, TerraformAsset } from 'cdktf/lib/terraform-asset';
export { DataResource } from 'cdktf/lib/terraform-data-resource';
export type { ITerraformDependable } from 'cdktf/lib/terraform-dependable';
export { Fn } from 'cdktf/lib/terraform-functions';
export { TerraformIterator } from 'cdktf/lib/terraform-iterator';
export { TerraformLocal } from 'cdktf/lib/terraform-local';
export { Op } from 'cdktf/lib/terraform-operators';
export { TerraformOutput } from 'cdktf/lib/terraform-output';
export type { TerraformResourceLifecycle } from 'cdktf/lib/terraform-resource';
export { TerraformStack } from 'cdktf/lib/terraform-stack';
export { ref } from 'cdktf/lib/tfExpression';
export { Lazy } from 'cdktf/lib/tokens/lazy';
export { Token } from 'cdktf/lib/tokens/token';
export { Construct } from 'constructs';

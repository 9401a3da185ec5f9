# `make` lists the verbs. ENV names an environment of environments/, ONLY some of its services.
ENV ?=
ONLY ?=
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export CHECKPOINT_DISABLE := 1

LOCAL = $(or $(ENV),local)
# Not the command tsx: after Ctrl-C it gives its program 60 ms to react, then kills it, and servers stay behind.
RUN = node --import tsx
INSTALLED = node_modules/.package-lock.json
BUILT = runtime/dist/cli/main.js
RUNTIME = $(shell find runtime/src -name '*.ts' 2>/dev/null) runtime/package.json runtime/tsconfig.json tsconfig.base.json
BUNDLE = dist/synth.cjs
# The code of the functions that plans for AWS carry along. They are made together.
LAMBDA = dist/lambda/apply.zip dist/lambda/probe.zip
# Where cdktf keeps providers, too: they are large, and one copy serves all stacks.
PROVIDERS = $(or $(TF_PLUGIN_CACHE_DIR),$(HOME)/.terraform.d/plugin-cache)
GUARD = mkdir -p '$(PROVIDERS)' && TF_PLUGIN_CACHE_DIR='$(PROVIDERS)' $(RUN) stacks/guard.ts --terraform $(or $(TERRAFORM_BINARY_NAME),terraform)
PLANNED = $(shell find environments alerts servers constructs stacks runtime/src/contracts -name '*.ts' -o -name '*.sh' 2>/dev/null)
SOURCES = $(wildcard environments alerts servers constructs stacks docker runtime/src runtime/bench examples tests)

.DEFAULT_GOAL := help
.PHONY: help demo drill test check bench faults up down status images synth bootstrap deploy destroy build generate

help: ## list the verbs
	@echo 'make VERB [ENV=name] [ONLY="services"]'
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)$$/  \1\t\2/' | expand -t 12

demo: $(INSTALLED) $(BUILT) ## orders, consumers and kills on real servers, with a table of what survived
	@$(RUN) examples/order-service/demo.ts

drill: $(INSTALLED) $(BUILT) ## a backlog, a poisoned event, a stopped replica and others, until each alert has rung and is silent again
	@$(RUN) examples/order-service/drill.ts

test: check ## everything that `check` does, then all tests on real servers
	@tsx tests/run.ts

check: $(INSTALLED) $(BUILT) $(LAMBDA) ## format, types, dependency rules, dead code, the package as npm sees it, generated files
	biome ci --colors=off --error-on-warnings .
	tsc -p tsconfig.json
	tsc -p runtime/tsconfig.json --noEmit
	@set -e; for example in $(wildcard examples/*/tsconfig.json); do echo "tsc -p $$example"; tsc -p $$example --noEmit; done
	depcruise --config .dependency-cruiser.cjs $(SOURCES)
	knip
	publint runtime --strict
	attw --pack runtime --profile esm-only
	tsx tests/repository/generate.ts --check

bench: $(INSTALLED) $(BUILT) ## figures of this machine, each against its bare loop and its peers
	@npm run -s bench

faults: $(INSTALLED) $(BUILT) ## the tests that kill, stop and cut off servers, in their long form
	@FAULTS=long jest tests/runtime/faults

up: $(INSTALLED) $(BUILT) ## start the servers of ENV (default local), or of the services that ONLY names, and apply the topology
	@$(RUN) servers/main.ts up $(LOCAL) $(if $(ONLY),--only $(ONLY))

down: $(INSTALLED) ## stop them
	@$(RUN) servers/main.ts down $(LOCAL)

status: $(INSTALLED) ## say which of them run
	@$(RUN) servers/main.ts status $(LOCAL) $(if $(ONLY),--only $(ONLY))

images: $(INSTALLED) ## build the images of the servers, or those that ONLY names; with DEBOOTSTRAP=1 without any registry
	@$(RUN) docker/build.ts $(if $(ONLY),--only $(ONLY)) $(if $(DEBOOTSTRAP),--debootstrap)

synth: env-named $(BUNDLE) ## write the Terraform of ENV to cdktf.out
	@ENV=$(ENV) node $(BUNDLE)

bootstrap: env-named $(BUNDLE) ## once an account and region, before the first deploy: what environments share
	@ENV=$(ENV) cdktf deploy '$(or $(ONLY),bootstrap-*)' $(if $(MILLRACE_STATE_BUCKET),--migrate-state)

# What the guard has looked at is what cdktf applies: nothing is synthesized in between. Hashes of providers are not locked: cdktf.out is not kept, and to ask the
# registry for them fails where providers come from a mirror alone.
deploy: synth $(BUILT) ## plan ENV, refuse what would lose data of a protected one, and apply it after a question
	@$(GUARD) $(ENV)
	@ENV=$(ENV) cdktf deploy --skip-synth --skip-provider-lock '$(ENV)-*'

destroy: synth ## destroy ENV after a question, unless it is protected
	@$(GUARD) $(ENV) --destroy
	@ENV=$(ENV) cdktf destroy --skip-synth --skip-provider-lock '$(ENV)-*'

build: $(INSTALLED) $(BUILT) ## compile the package millrace

generate: $(INSTALLED) ## write again what is made from the code: pages of docs, schemas, the plans to review
	@tsx tests/repository/generate.ts

.PHONY: env-named
env-named:
	@test -n '$(ENV)' || { echo 'ENV must name an environment, got nothing: for example make $(MAKECMDGOALS) ENV=staging' >&2; exit 1; }

$(INSTALLED): package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

# `npm ci` links programs that exist; the one of the workspace exists from here on.
$(BUILT): $(RUNTIME) | $(INSTALLED)
	@rm -rf runtime/dist
	tsc -p runtime/tsconfig.json
	@npm rebuild --silent --ignore-scripts millrace >/dev/null
	@touch $@

# A third of the time and half of the memory that main.ts takes by way of tsx.
$(BUNDLE): $(PLANNED) $(INSTALLED) | $(LAMBDA)
	@$(RUN) stacks/bundle.ts

$(LAMBDA) &: $(RUNTIME) stacks/pack-functions.ts stacks/zip.ts $(INSTALLED)
	@$(RUN) stacks/pack-functions.ts

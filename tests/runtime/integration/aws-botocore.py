"""Signs what is read from standard input with botocore; an independent opinion for aws-signatures.test.ts."""

import datetime
import json
import sys
from urllib.parse import urlencode

import botocore.auth
import botocore.session
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import ServiceId
from botocore.signers import RequestSigner


def presigned(case, credentials):
    signer = RequestSigner(
        ServiceId(case["service"]),
        case["region"],
        case["service"],
        "v4",
        credentials,
        botocore.session.get_session().get_component("event_emitter"),
    )
    request = {"method": "GET", "url": f"{case['url']}?{urlencode(case['query'])}", "body": {}, "headers": {}, "context": {}}
    return signer.generate_presigned_url(request, operation_name="connect", expires_in=900, region_name=case["region"])


def signed(case, credentials):
    request = AWSRequest(method=case["method"], url=case["url"], data=case.get("body"), headers=case["headers"])
    botocore.auth.SigV4Auth(credentials, case["service"], case["region"]).add_auth(request)
    return dict(request.headers)


def answer(case):
    now = datetime.datetime.fromisoformat(case["now"])
    botocore.auth.get_current_datetime = lambda *_, **__: now
    identity = case["credentials"]
    credentials = Credentials(identity["accessKeyId"], identity["secretAccessKey"], identity.get("sessionToken"))
    return signed(case, credentials) if "method" in case else presigned(case, credentials)


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)

"""Stand-in for the instance metadata service, version 2 alone: a token first, then the role's credentials."""

import datetime
import http.server
import json

token = "stand-in-token"
later = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
credentials = {
    "Code": "Success",
    "Type": "AWS-HMAC",
    "AccessKeyId": "test",
    "SecretAccessKey": "only-for-tests",
    "Token": "session",
    "Expiration": later,
    "LastUpdated": later,
}
answers = {
    "/latest/meta-data/iam/security-credentials/": "machine",
    "/latest/meta-data/iam/security-credentials/machine": json.dumps(credentials),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, text=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self):
        self.answer(200, token) if self.path == "/latest/api/token" else self.answer(404)

    def do_GET(self):
        if self.headers.get("X-aws-ec2-metadata-token") != token:
            self.answer(401)
        else:
            self.answer(200, answers[self.path]) if self.path in answers else self.answer(404)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()

"""Asks a health service with the stock Python client: `check NAME` prints the status or the code; `watch NAME` prints each status as it comes, then the code."""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

address, verb, service = sys.argv[1:4]
stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(address))
request = health_pb2.HealthCheckRequest(service=service)


def tell(word):
    print(word, flush=True)


def name(response):
    return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


try:
    if verb == "check":
        tell(name(stub.Check(request, timeout=10)))
    else:
        for response in stub.Watch(request, timeout=60):
            tell(name(response))
        tell("OK")
except grpc.RpcError as error:
    tell(error.code().name)

"""The key-value store as a plugin in Python: plain grpcio, no plugin library. AutoMTLS is not for it: the
BoringSSL in grpcio has no P-521, the curve of go-plugin's certificates."""

import os
import signal
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen"))
from samples.kv.v1 import kv_pb2, kv_pb2_grpc

OWN_VERSIONS = (1, 2)


class Kv(kv_pb2_grpc.KvServicer):
    def __init__(self):
        self.values = {}
        self.signature = {"served_by": "python", "pid": os.getpid()}

    def Get(self, request, context):
        found, value = request.key in self.values, self.values.get(request.key, b"")
        return kv_pb2.GetResponse(found=found, value=value, **self.signature)

    def Put(self, request, context):
        self.values[request.key] = request.value
        return kv_pb2.PutResponse(**self.signature)

    def Watch(self, request, context):
        sequence = 0
        while context.is_active() and (request.count == 0 or sequence < request.count):
            sequence += 1
            value = self.values.get(request.key, b"")
            yield kv_pb2.WatchResponse(sequence=sequence, value=value, **self.signature)
            time.sleep(request.interval_ms / 1000)

    def Load(self, requests, context):
        stored = 0
        for request in requests:
            self.values[request.key] = request.value
            stored += 1
        return kv_pb2.LoadResponse(stored=stored, **self.signature)

    def Chat(self, requests, context):
        for request in requests:
            yield kv_pb2.ChatResponse(sequence=request.sequence, text=request.text, **self.signature)


def main():
    if os.environ.get("KV_PLUGIN") != "hello":
        sys.exit("This program is a plugin: it is started by its host.")
    # What is no number in the list is passed over.
    listed = os.environ.get("PLUGIN_PROTOCOL_VERSIONS", "").split(",")
    offered = {int(text) for text in listed if text.isdecimal()}
    version = max(offered.intersection(OWN_VERSIONS), default=min(OWN_VERSIONS))

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
    kv_pb2_grpc.add_KvServicer_to_server(Kv(), server)
    healthy = health.HealthServicer()
    healthy.set("plugin", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    if os.name == "nt":
        network, address = "tcp", f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        directory = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.gettempdir()
        network, address = "unix", os.path.join(directory, f"plugin{os.getpid()}")
        server.add_insecure_port(f"unix:{address}")
    server.start()

    stopped = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A Ctrl-C in the host's terminal is the host's affair.
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    print(f"1|{version}|{network}|{address}|grpc|", flush=True)
    stopped.wait()
    server.stop(grace=0).wait()


if __name__ == "__main__":
    main()

"""Makes calls of all four kinds to samples.kv.v1.Kv at each of the targets that it is given, with plain grpcio, until its
standard input ends. It says "begun" when fifty have been made, and in the end in one line of JSON how many went well, and what was wrong with the others. In
target#plugin the plugin is the one that is to answer, of several that have the service."""

import json
import os
import sys
import threading
import time

import grpc

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../plugins/python/gen"))
from samples.kv.v1 import kv_pb2, kv_pb2_grpc

LENGTH = 5
BEGUN = 50
TIMEOUT = 30  # One that hangs is a failure too.


def get(kv, to):
    assert kv.Get(kv_pb2.GetRequest(key="key"), **to).pid != 0


def put(kv, to):
    # Compressed, as some clients do.
    request = kv_pb2.PutRequest(key="key", value=b"v" * 1000)
    kv.Put(request, **to, compression=grpc.Compression.Gzip)


def watch(kv, to):
    request = kv_pb2.WatchRequest(key="key", count=LENGTH, interval_ms=10)
    answers = [answer.sequence for answer in kv.Watch(request, **to)]
    assert answers == list(range(1, LENGTH + 1)), answers


def load(kv, to):
    requests = (kv_pb2.LoadRequest(key="load", value=b"v") for _ in range(LENGTH))
    stored = kv.Load(requests, **to).stored
    assert stored == LENGTH, stored


def chat(kv, to):
    requests = (kv_pb2.ChatRequest(sequence=i, text="text") for i in range(1, LENGTH + 1))
    answers = [answer.sequence for answer in kv.Chat(requests, **to)]
    assert answers == list(range(1, LENGTH + 1)), answers


def main():
    stop, begun = threading.Event(), threading.Event()
    calls, failures = [], []

    def loop(call, kv, to):
        while not stop.is_set():
            try:
                call(kv, to)
            except Exception as error:
                failures.append(f"{call.__name__}: {error!r}")
            calls.append(call)
            if len(calls) >= BEGUN and not begun.is_set():
                begun.set()
                print("begun", flush=True)
            time.sleep(0.005)

    loops = []
    for argument in sys.argv[1:]:
        target, _, plugin = argument.partition("#")
        to = {"timeout": TIMEOUT, "metadata": [("plugd-plugin", plugin)] if plugin else None}
        kv = kv_pb2_grpc.KvStub(grpc.insecure_channel(target))
        loops += [threading.Thread(target=loop, args=(call, kv, to)) for call in (get, put, watch, load, chat)]
    for one in loops:
        one.start()
    sys.stdin.read()
    stop.set()
    for one in loops:
        one.join()
    print(json.dumps({"calls": len(calls), "failures": failures}), flush=True)


if __name__ == "__main__":
    main()

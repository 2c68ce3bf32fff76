"""Clients on a network that loses packets: GET, POST and one slow request over a few keep-alive connections; every answer has to be whole."""
import http.client
import sys
import threading
import time

host, port, clients, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
failures = []
done = []


def exchange(connection, method, path, body=None):
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, text


def client(number):
    connection = http.client.HTTPConnection(host, port, timeout=30)
    try:
        for i in range(requests):
            if i % 2:
                result = exchange(connection, "POST", "/", b"x" * 20000)
                expected = (200, b"ok 20000")
            else:
                result = exchange(connection, "GET", "/")
                expected = (200, b"ok 0")
            if result != expected:
                failures.append((number, i, result))
            done.append(i)
    except Exception as error:
        failures.append((number, repr(error)))


def slow():
    connection = http.client.HTTPConnection(host, port, timeout=30)
    status, text = exchange(connection, "GET", "/slow?ms=3000")
    print("slow: %d %s" % (status, text.decode()), flush=True)


def main():
    while True:
        try:
            http.client.HTTPConnection(host, port, timeout=5).connect()
            break
        except OSError:
            time.sleep(0.05)
    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print("failures: %r" % failures, flush=True)
    print("done: %d" % len(done), flush=True)
    slow()


main()

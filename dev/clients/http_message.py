#!/usr/bin/env python3
"""A message by HTTP, and what became of it, with nothing but Python's standard library.

  IMS_HTTP_KEY=username:secret_key dev/clients/http_message.py --url http://127.0.0.1:30001

Without a key it is the demo's customer (`ims demo --serve`). What is not confirmed (9998), or comes while the door has no
time (429), is sent again with the same message_id: however often, one message results. Exit code 0: it was delivered.
"""

import argparse
import base64
import json
import os
import random
import time
import urllib.error
import urllib.parse
import urllib.request

SERVICE_KEY = "IMSDEMO0SERVICEKEY0000000000000000000001"
KEY = "hanbit-shop:demo-only-secret-of-hanbit-shop"
ANSWER_WITHIN_S = 10
LONGEST_WAIT_S = 20


class Door:
    """An HTTP door and a key for it."""

    def __init__(self, url, key):
        self.url = url.rstrip("/")
        self.key = base64.b64encode(key.encode()).decode()

    def ask(self, method, path, body=None):
        """One request: its status, its answer, and the seconds that the door asks to wait before another."""
        headers = {"x-ims-key": self.key, "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:
                return answer.status, json.load(answer), 0
        except urllib.error.HTTPError as answer:
            return answer.code, json.load(answer), int(answer.headers.get("retry-after", 0))
        except (OSError, ValueError) as error:
            # Nobody knows whether it came: as good as not confirmed.
            return 503, {"code": "9998", "message": str(error)}, 0

    def send(self, service_key, channel, message, patience_s=120):
        """Sends a message until it is known that it is kept; returns the answer."""
        path = f"/ims/{service_key}/{channel}/sendMessage"
        deadline, wait_s, again = time.monotonic() + patience_s, 0.2, False
        while True:
            status, answer, asked_for_s = self.ask("POST", path, message)
            if again and answer["code"] == "2030":
                # Used by our own first attempt: that one was kept.
                return {"code": "0000", "data": message["message_id"]}
            if status not in (408, 429, 500, 502, 503, 504) or time.monotonic() > deadline:
                return answer
            time.sleep(max(asked_for_s, wait_s * random.uniform(0.5, 1)))
            wait_s, again = min(2 * wait_s, LONGEST_WAIT_S), True

    def report(self, service_key, message_id, patience_s=60):
        """What became of a message; waits for its end. A callback tells it without asking (docs/data-teams.md)."""
        path = f"/ims/{service_key}/report/{urllib.parse.quote(message_id, safe='')}"
        deadline = time.monotonic() + patience_s
        while True:
            _, answer, asked_for_s = self.ask("GET", path)
            ended = answer["code"] == "0000" and answer["data"]["state"] in ("DELIVERED", "FAILED", "UNCERTAIN",
                                                                             "EXPIRED", "CANCELLED", "REJECTED")
            if ended or time.monotonic() > deadline:
                return answer
            time.sleep(max(asked_for_s, 0.5))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", default="http://127.0.0.1:30001")
    arguments.add_argument("--service-key", default=SERVICE_KEY)
    asked = arguments.parse_args()
    door = Door(asked.url, os.environ.get("IMS_HTTP_KEY", KEY))
    message = {
        "message_id": f"PY-{time.time_ns() // 1000}",
        "message_type": "SMS",
        "phone_number": "010-1234-5678",
        "callback": "02-1234-5678",
        "message": "[한빛상점] 주문하신 상품이 준비되었습니다.",
    }
    answer = door.send(asked.service_key, "mt", message)
    print(json.dumps(answer, ensure_ascii=False))
    if answer["code"] != "0000":
        return 1
    report = door.report(asked.service_key, message["message_id"])
    print(json.dumps(report, ensure_ascii=False))
    return 0 if report["code"] == "0000" and report["data"]["state"] == "DELIVERED" else 1


if __name__ == "__main__":
    raise SystemExit(main())

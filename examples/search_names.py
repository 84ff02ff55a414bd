#!/usr/bin/env python3
"""Fills a tenant with customers that have real Chinese company names and measures how fast they are found.

    python3 examples/search_names.py [--url http://127.0.0.1:8080] [--customers 100000] [NAMES.txt]

Reads one short name a line (default: ../shared/data/chinese-company-names.txt beside the repository), repeats and
combines them to full legal names, creates customers in batches of 200 with one external id each (so that a second
run makes no second record), and then asks for two characters, initials, telephone digits and something that isn't
there. Python's standard library only. The server's rate limit has to allow it:
FULCRUM_RATE_LIMIT_PER_MINUTE=1000000.
"""

import argparse
import http.client
import json
import pathlib
import random
import statistics
import sys
import time
import urllib.parse

PLACES = ["上海", "北京", "深圳", "杭州", "成都", "武汉", "南京", "苏州", "青岛", "重庆"]
TRADES = ["信息技术", "机械设备", "贸易", "生物科技", "建筑工程", "电子商务", "新材料", "食品", "物流", "文化传媒"]
FORMS = ["有限公司", "股份有限公司"]


class Api:
    def __init__(self, url):
        self.host = urllib.parse.urlsplit(url).netloc
        self.connection = http.client.HTTPConnection(self.host, timeout=120)
        self.headers = {"Content-Type": "application/json"}

    def call(self, method, path, body=None):
        text = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        self.connection.request(method, path, text, self.headers)
        answer = self.connection.getresponse()
        content = json.loads(answer.read() or "null")
        if answer.status >= 400:
            sys.exit(f"{method} {path}: {answer.status} {content.get('code')}: {content.get('detail')}")
        return content

    def login(self, tenant, email, password):
        tokens = self.call("POST", "/v1/auth/login", {"tenant": tenant, "email": email, "password": password})
        self.headers["Authorization"] = "Bearer " + tokens["access_token"]
        self.signed_in_at = time.monotonic()


def customer(index, names):
    name = names[index % len(names)]
    round_ = index // len(names)
    full = name if round_ == 0 else PLACES[(index + round_) % 10] + name + TRADES[(index * 7 + round_) % 10] + FORMS[index % 2]
    return {
        "action": "upsert",
        "external_id": {"system": "names", "external_id": str(index)},
        "data": {"kind": "company", "name": full, "phone": f"+86138{index % 100_000_000:08d}"},
    }


def fill(api, options, names):
    began = time.monotonic()
    for start in range(0, options.customers, 200):
        if time.monotonic() - api.signed_in_at > 600:
            api.login(options.tenant, options.email, options.password)
        items = [customer(index, names) for index in range(start, min(start + 200, options.customers))]
        result = api.call("POST", "/v1/customers/batch", {"items": items})
        if not result["complete"]:
            sys.exit(json.dumps([r["problem"] for r in result["results"] if r["problem"]][0], ensure_ascii=False))
        if start % 10_000 == 0:
            print(f"  {start:>7} customers, {time.monotonic() - began:6.1f} s", flush=True)
    print(f"{options.customers} customers in {time.monotonic() - began:.1f} s")


def measure(api, label, queries):
    times, hits = [], 0
    for query in queries:
        path = "/v1/customers?limit=50&q=" + urllib.parse.quote(query)
        began = time.perf_counter()
        page = api.call("GET", path)
        times.append((time.perf_counter() - began) * 1000)
        hits += bool(page["data"])
    p99 = statistics.quantiles(times, n=100)[98]
    print(f"| {label} | {len(times)} | {hits} | {statistics.median(times):.2f} | {p99:.2f} |")


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="?", default=here.parent / "shared/data/chinese-company-names.txt", type=pathlib.Path)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--tenant", default="demo")
    parser.add_argument("--email", default="admin@demo.test")
    parser.add_argument("--password", default="fulcrum-demo")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    options = parser.parse_args()
    if not options.names.is_file():
        sys.exit(f"{options.names} is not there: give a file with one name a line")
    names = [line.strip() for line in options.names.read_text("utf-8").splitlines() if line.strip()]
    names = [name for name in names if any(c.isalnum() for c in name)]
    api = Api(options.url)
    api.login(options.tenant, options.email, options.password)
    fill(api, options, names)
    api.login(options.tenant, options.email, options.password)
    pick = random.Random(1)
    two = [name[at : at + 2] for name in pick.choices([n for n in names if len(n) >= 3], k=options.queries) for at in [pick.randrange(len(name) - 1)]]
    print("| query | asked | with hits | median ms | p99 ms |\n| --- | ---: | ---: | ---: | ---: |")
    measure(api, "two characters of a name", two)
    measure(api, "a word that a tenth has (信息, 贸易 …)", [pick.choice(TRADES) for _ in range(options.queries)])
    measure(api, "whole short name", pick.choices(names, k=options.queries))
    measure(api, "last four telephone digits", [f"{pick.randrange(10_000):04d}" for _ in range(options.queries)])
    measure(api, "whole telephone number", [f"138{pick.randrange(options.customers):08d}" for _ in range(options.queries)])
    measure(api, "something that isn't there", [f"{pick.choice('鑫淼焱垚')}{pick.choice('龘靐齉爩')}" for _ in range(options.queries)])


if __name__ == "__main__":
    main()

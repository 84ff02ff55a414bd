#!/usr/bin/env python3
"""Makes the companies of the S&P 500 customers, through the API, by upserts: run it twice and there is no second one.

    python3 examples/import_sp500.py [CSV] [--url URL] [--tenant SLUG] [--email ADDRESS] [--password PASSWORD]

The defaults are those of `fulcrum serve --demo`. Needs nothing but Python's standard library (3.9 or newer).
The CSV has the columns Symbol, Security, GICS Sector, GICS Sub-Industry, Headquarters Location, Date added, CIK,
Founded, as https://github.com/datasets/s-and-p-500-companies publishes them.
"""

import argparse
import csv
import http.client
import json
import os
import re
import sys
import time
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

SYSTEM = "sp500"
CSV_PATH = Path(__file__).resolve().parents[1] / "../shared/data/sp500-companies.csv"
ATTEMPTS = 5
# A list can be asked for so many external ids at once (maxItems in openapi.json).
IDS_PER_REQUEST = 50

# Sections of GB/T 4754-2017: first by sub-industry, because a sector is often spread over several of them, else by
# sector.
SECTION_OF_SUB_INDUSTRY = {
    "B": "Integrated Oil & Gas|Oil & Gas Equipment & Services|Oil & Gas Exploration & Production|Copper|Gold",
    "C": "Biotechnology|Communications Equipment|Electronic Components|Electronic Equipment & Instruments"
    "|Electronic Manufacturing Services|Semiconductor Materials & Equipment|Semiconductors"
    "|Technology Hardware, Storage & Peripherals|Oil & Gas Refining & Marketing",
    "E": "Construction & Engineering|Homebuilding",
    "F": "Apparel Retail|Automotive Retail|Broadline Retail|Computer & Electronics Retail"
    "|Consumer Staples Merchandise Retail|Distributors|Food Distributors|Food Retail|Health Care Distributors"
    "|Home Improvement Retail|Homefurnishing Retail|Other Specialty Retail|Technology Distributors"
    "|Trading Companies & Distributors",
    "G": "Air Freight & Logistics|Cargo Ground Transportation|Oil & Gas Storage & Transportation|Passenger Airlines"
    "|Passenger Ground Transportation|Rail Transportation",
    "H": "Hotels, Resorts & Cruise Lines|Restaurants",
    "I": "Data Processing & Outsourced Services|Health Care Technology",
    "J": "Managed Health Care",
    "L": "Advertising|Diversified Support Services|Human Resource & Employment Services",
    "M": "Life Sciences Tools & Services|Research & Consulting Services",
    "N": "Environmental & Facilities Services",
    "O": "Specialized Consumer Services",
    "Q": "Health Care Facilities|Health Care Services",
    "R": "Broadcasting|Casinos & Gaming|Movies & Entertainment|Publishing",
}
SECTION_OF_SECTOR = {
    "Communication Services": "I",
    "Consumer Discretionary": "C",
    "Consumer Staples": "C",
    "Energy": "B",
    "Financials": "J",
    "Health Care": "C",
    "Industrials": "C",
    "Information Technology": "I",
    "Materials": "C",
    "Real Estate": "K",
    "Utilities": "D",
}
SECTIONS = {name: section for section, names in SECTION_OF_SUB_INDUSTRY.items() for name in names.split("|")}

# What stands behind the last comma of a place when it is not a state of the USA.
COUNTRIES = {
    "Bermuda": "BM",
    "Canada": "CA",
    "Ireland": "IE",
    "Netherlands": "NL",
    "Switzerland": "CH",
    "United Kingdom": "GB",
}


class Refused(Exception):
    """An answer that is a problem (RFC 9457)."""

    def __init__(self, method, path, status, body):
        try:
            problem = json.loads(body)
        except ValueError:
            problem = {"title": body.decode("utf-8", "replace")[:200]}
        lines = [f"{method} {path}: {status} {problem.get('code', '')}: {problem.get('title', '')}"]
        if problem.get("detail"):
            lines.append(f"  {problem['detail']}")
        for error in problem.get("errors", []):
            lines.append(f"  {error.get('pointer') or '/'}: {error.get('detail')} ({error.get('code')})")
        if problem.get("request_id"):
            lines.append(f"  request {problem['request_id']}")
        super().__init__("\n".join(lines))


class Api:
    """One connection that is kept open, and the patience to wait when the server asks for it."""

    def __init__(self, url):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SystemExit(f"--url {url}: expected http://host:port")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=60)
        self.prefix = parts.path.rstrip("/")
        self.headers = {"Accept": "application/json", "Accept-Language": "en", "User-Agent": "import_sp500.py"}

    def sign_in(self, tenant, email, password):
        tokens = self.call("POST", "/v1/auth/login", {"tenant": tenant, "email": email, "password": password})
        self.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    def call(self, method, path, body=None):
        """Sends a request that may be sent again; a lost connection, 429 and 503 are tried again."""
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        headers = dict(self.headers, **({} if data is None else {"Content-Type": "application/json"}))
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            try:
                self.connection.request(method, self.prefix + path, data, headers)
                answer = self.connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                if last:
                    raise SystemExit(f"{method} {path}: {error}. Does the server run there (--url)?") from error
                time.sleep(attempt)
                continue
            if answer.status in (429, 503) and not last:
                wait = int(answer.headers.get("Retry-After", attempt))
                print(f"the server asks to wait {wait} s ({answer.status})", file=sys.stderr)
                time.sleep(wait)
                continue
            if answer.status >= 400:
                raise Refused(method, path, answer.status, content)
            return json.loads(content) if content else None


def address_of(headquarters):
    """`Saint Paul, Minnesota`; of several places, the first."""
    place = re.sub(r"\[\d+\]", "", headquarters).split(";")[0].strip()
    parts = [part.strip() for part in place.split(",") if part.strip()]
    if len(parts) < 2:
        return None
    country = COUNTRIES.get(parts[-1], "US")
    region = parts[-1] if country == "US" else (parts[-2] if len(parts) > 2 else None)
    return {"country": country, "region": region, "city": parts[0]}


def customer_of(row):
    """The customer that a line of the CSV describes."""
    sector, sub_industry = row["GICS Sector"], row["GICS Sub-Industry"]
    # The CIK is no external id here: both kinds of Alphabet's shares, and of two other companies', have the same one.
    notes = [("Founded", row["Founded"]), ("In the index since", row["Date added"]), ("SEC CIK", row["CIK"])]
    return {
        "kind": "company",
        "name": row["Security"],
        "industry": SECTIONS.get(sub_industry) or SECTION_OF_SECTOR.get(sector),
        "industry_detail": f"{sector}: {sub_industry}",
        "source": "S&P 500",
        "tags": ["S&P 500"],
        "address": address_of(row["Headquarters Location"]),
        "notes": "\n".join(f"{name}: {value}" for name, value in notes if value),
    }


def known_versions(api, symbols):
    """The version of each customer that is there already: an upsert that changes nothing leaves it as it is."""
    versions = {}
    for start in range(0, len(symbols), IDS_PER_REQUEST):
        wanted = [("external_id", f"{SYSTEM}:{symbol}") for symbol in symbols[start : start + IDS_PER_REQUEST]]
        page = api.call("GET", "/v1/customers?" + urlencode(wanted + [("limit", 200)]))
        for customer in page["data"]:
            versions[customer["id"]] = customer["version"]
    return versions


def rows_of(path):
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise SystemExit(
            f"there is no {os.path.normpath(path)}: give the path of the CSV, to be had from\n"
            "https://github.com/datasets/s-and-p-500-companies (data/constituents.csv)"
        ) from None
    needed = {"Symbol", "Security", "GICS Sector", "GICS Sub-Industry", "Headquarters Location", "Date added", "CIK", "Founded"}
    missing = needed - set(rows[0] if rows else ())
    if missing:
        raise SystemExit(f"{os.path.normpath(path)}: these columns are missing: {', '.join(sorted(missing))}")
    return rows


def main():
    parser = argparse.ArgumentParser(description="Upserts the companies of the S&P 500 as customers.")
    parser.add_argument("csv", nargs="?", default=CSV_PATH, help="the companies (default: %(default)s)")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the server (default: %(default)s)")
    parser.add_argument("--tenant", default="demo", help="slug of the company to sign in to (default: %(default)s)")
    parser.add_argument("--email", default="admin@demo.test", help="who signs in (default: %(default)s)")
    parser.add_argument("--password", default="fulcrum-demo", help="with which password (default: that of the demo)")
    options = parser.parse_args()

    rows = rows_of(options.csv)
    api = Api(options.url)
    counts = {"created": 0, "updated": 0, "unchanged": 0}
    refused = 0
    try:
        api.sign_in(options.tenant, options.email, options.password)
        before = known_versions(api, [row["Symbol"] for row in rows])
    except Refused as problem:
        raise SystemExit(str(problem)) from None
    for row in rows:
        path = f"/v1/customers/by-external-id/{SYSTEM}/{quote(row['Symbol'], safe='')}"
        try:
            customer = api.call("PUT", path, customer_of(row))
        except Refused as problem:
            print(f"{row['Symbol']} {row['Security']}\n{problem}", file=sys.stderr)
            refused += 1
            continue
        version = before.get(customer["id"])
        outcome = "created" if version is None else "unchanged" if version == customer["version"] else "updated"
        counts[outcome] += 1
    print(f"{len(rows)} companies: " + ", ".join(f"{count} {what}" for what, count in counts.items()) + f", {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())

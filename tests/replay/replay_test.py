#!/usr/bin/env python3
"""Compares what `pricewire replay` prints with counts made here, by Python's json, which shares no code with it.

  replay_test.py recordings PRICEWIRE     the recordings of PRICEWIRE_RECORDINGS or ../shared/recordings (else it skips)
  replay_test.py protocols PRICEWIRE      frames made here, of the protocols that there are no recordings of
  replay_test.py simulated PRICEWIRE EXCHANGE_SIM
                                          what `pricewire feed --record` has written of the simulated venues

Numbers are kept as they are spelled: a price that is equal but has other digits is a failure.
"""
import base64
import collections
import datetime
import decimal
import glob
import gzip
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from venue_trades import EXTRACTS, RECORDED, Spelled, Trade, iso_us, parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOW = 1_793_900_000  # when frames made here are received, Unix seconds
# Recordings of protocols that have ended, and the venue that they were of.
DEAD = {"gemini_old": "gemini", "coinbase_exchange_feed": "coinbase"}


class Failures:
    def __init__(self):
        self.count = 0

    def expect(self, holds, what):
        if not holds:
            self.count += 1
            print("FAILED", what)
        return holds


def run(program, *arguments):
    return subprocess.run([program, "replay", *map(str, arguments)], capture_output=True, text=True)


def unique(trades):
    """A trade that a snapshot and an update both hold counts once."""
    return list({(t.symbol, t.id if t.id is not None else i): t
                 for i, t in reversed(list(enumerate(trades)))}.values())


def token(value):
    return value if value is None or isinstance(value, Spelled) else json.dumps(value)


def compare(check, what, done, expected):
    """Each quote printed is one expected and the reverse; the oldest come first, for each symbol."""
    if not check.expect(done.returncode == 0, f"{what}: exit code {done.returncode}: {done.stderr}"):
        return []
    lines = [parse(line) for line in done.stdout.splitlines()]
    quotes = [line for line in lines if "price" in line]
    got = collections.Counter((q["symbol"], q["price"], token(q["trade_id"]), iso_us(q["time"])) for q in quotes)
    want = collections.Counter((t.symbol, t.price, token(t.id), t.us) for t in expected)
    check.expect(got == want, f"{what}: {sum(got.values())} quotes in place of {sum(want.values())}; "
                 f"missing {list((want - got).items())[:3]}, too many {list((got - want).items())[:3]}")
    last = {}
    for q in quotes:
        us = iso_us(q["time"])
        check.expect(us >= last.get(q["symbol"], 0) or not q["live"],
                     f"{what}: {q['symbol']} at {q['time']} comes behind a younger one")
        last[q["symbol"]] = max(us, last.get(q["symbol"], 0))
    return quotes


def frame_in(entry):
    """The parsed frame of a line; bytes, where it is not JSON, and {} for a bare word."""
    if "text" in entry:
        return parse(entry["text"]) if entry["text"][:1] in ("{", "[") else {}
    data = base64.b64decode(entry["base64"])
    return parse(gzip.decompress(data)) if data[:2] == b"\x1f\x8b" else data


def check_recording(check, program, venue, extract, file):
    expected, received, state = [], {}, {}
    for line in gzip.open(file, "rt"):
        entry = json.loads(line, parse_float=decimal.Decimal)
        if entry["dir"] != "in":
            continue
        for trade in extract(frame_in(entry), state.setdefault(entry.get("connection", 1), {})):
            expected.append(trade)
            received.setdefault((trade.symbol, token(trade.id)), int(entry["at"] * 1_000_000))
    expected = unique(expected)
    symbols = sorted({t.symbol for t in expected})
    # A ticker of the test's own for each symbol.
    named = ",".join(f"T{i}={symbol}" for i, symbol in enumerate(symbols))
    then = compare(check, venue, run(program, venue, file, "--symbols", named, "--at", "FRAME"), expected)
    for q in then:
        check.expect(q["ticker"] == f"T{symbols.index(q['symbol'])}", f"{venue}: the ticker of {q}")
    live = 0
    trades = {(t.symbol, token(t.id)): t for t in expected}
    for q in then:
        key = q["symbol"], token(q["trade_id"])
        if key not in trades:
            continue
        trade = trades[key]
        age = received[key] - trade.us
        if trade.fresh and age < 10_000_000:
            check.expect(q["live"] is True, f"{venue}: a trade of {age} us ago is not live: {q}")
        if trade.fresh is False:
            check.expect(q["live"] is False, f"{venue}: a trade of a snapshot is live: {q}")
        if age > 300_000_000:
            check.expect(q["live"] is False, f"{venue}: a trade of {age} us ago is live: {q}")
        live += q["live"] is True
    # Without --symbols: those that the recording names. As of now: nothing of years ago is live.
    for q in compare(check, venue + " as of now", run(program, venue, file), expected):
        check.expect(q["live"] is False or time.time() - iso_us(q["time"]) / 1e6 < 600, f"{venue} as of now: {q}")
    print(f"{venue}: {len(expected)} trades of {len(symbols)} symbols, {live} of them live as of then")


def recordings(program, check):
    folder = pathlib.Path(os.environ.get("PRICEWIRE_RECORDINGS", ROOT / "../shared/recordings"))
    if not (folder / "venues").is_dir():
        print(f"skipped: there are no recordings in {folder}")
        sys.exit(77)
    for venue, extract in RECORDED.items():
        check_recording(check, program, venue, extract, folder / "venues" / f"{venue}.jsonl.gz")
    for name, venue in DEAD.items():
        done = run(program, venue, folder / "venues" / f"{name}.jsonl.gz")
        lines = done.stdout.splitlines()
        check.expect(done.returncode == 0, f"{name}: exit code {done.returncode}: {done.stderr}")
        check.expect(len(lines) == 1 and "reason" in json.loads(lines[0]), f"{name}: {lines[:3]}")
        print(f"{name}: {lines[:1]}")
    for sample in sorted(glob.glob(str(folder / "venues/samples/*/*.txt"))):
        venue = pathlib.Path(sample).parent.name
        if venue == "rest":
            continue
        done = run(program, venue, sample)
        check.expect(done.returncode == 0, f"{sample}: exit code {done.returncode}: {done.stderr}")
        for line in done.stdout.splitlines():
            check.expect(parse(line).keys() & {"price", "reason"}, f"{sample}: {line}")


# Protocols without a recording: frames as the venues' documentation has them.


def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        if not number:
            return out + bytes([low])
        out += bytes([low | 128])


def field(number, value):
    """A protobuf field: an integer, a text or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def mexc_push(symbol, deals, body=314):
    channel = f"spot@public.aggre.deals.v3.api.pb@100ms@{symbol}"
    rows = b""
    for price, ms, trade_id in deals:
        deal = field(1, price) + field(2, "0.1") + field(3, 1) + field(4, ms)
        rows += field(1, deal + (field(5, trade_id) if trade_id else b""))
    rows += field(2, "spot@public.aggre.deals.v3.api.pb@100ms")
    return field(1, channel) + field(3, symbol) + field(6, NOW * 1000) + field(body, rows)


def ms_iso(ms):
    return datetime.datetime.fromtimestamp(ms // 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + \
        f".{ms % 1000:03}456Z"


def made_frames():
    """For each venue: the frames of a connection, and the trades that are in them, in the order of their times.

    Live are the trades of the last seconds, but for those in a snapshot.
    """
    ms = NOW * 1000
    us = ms * 1000
    out = {}
    n = Spelled
    out["binance"] = [
        json.dumps({"stream": "btcusdt@trade", "data": {"e": "trade", "E": ms, "s": "BTCUSDT", "t": 7, "p": "65000.10000",
                                                        "q": "1", "T": ms - 3, "m": True, "M": True}}),
        json.dumps({"result": None, "id": 1}),
    ], [Trade("BTCUSDT", "65000.10000", n(7), us - 3000)]
    kraken = '{"symbol":"%s","side":"sell","price":%s,"qty":0.1,"ord_type":"market","trade_id":%d,"timestamp":"%s"}'
    out["kraken"] = [
        '{"channel":"heartbeat"}',
        '{"channel":"trade","type":"snapshot","data":[' + kraken % ("BTC/USD", "64999.0", 1, ms_iso(ms - 5000)) + "]}",
        '{"channel":"trade","type":"update","data":[' + ",".join([
            kraken % ("BTC/USD", "65000.10", 2, ms_iso(ms - 500)), kraken % ("DOGE/USD", "1.4E-1", 9, ms_iso(ms - 400)),
            kraken % ("BTC/USD", "65000", 3, ms_iso(ms - 300))]) + "]}",
    ], [Trade("BTC/USD", "64999.0", n(1), us - 5_000_000 + 456, False),
        Trade("BTC/USD", "65000.10", n(2), us - 500_000 + 456),
        Trade("DOGE/USD", "1.4E-1", n(9), us - 400_000 + 456), Trade("BTC/USD", "65000", n(3), us - 300_000 + 456)]

    def coinbase(kind, number, trades):
        return json.dumps({"channel": "market_trades", "client_id": "", "timestamp": ms_iso(ms), "sequence_num": number,
                           "events": [{"type": kind, "trades": [
                               {"trade_id": i, "product_id": s, "price": p, "size": "0.1", "side": "BUY",
                                "time": ms_iso(at)} for s, i, p, at in trades]}]})
    out["coinbase"] = [
        json.dumps({"channel": "subscriptions", "timestamp": ms_iso(ms), "sequence_num": 0,
                    "events": [{"subscriptions": {"market_trades": ["BTC-USD", "ETH-USD"]}}]}),
        coinbase("snapshot", 1, [("BTC-USD", "12", "64000.50", ms - 3000), ("BTC-USD", "11", "64000.40", ms - 4000)]),
        coinbase("update", 2, [("BTC-USD", "14", "65000.010", ms - 100), ("BTC-USD", "13", "65000.01", ms - 200),
                               ("BTC-USD", "12", "64000.50", ms - 3000)]),
    ], [Trade("BTC-USD", "64000.40", "11", us - 4_000_000 + 456, False),
        Trade("BTC-USD", "64000.50", "12", us - 3_000_000 + 456, False),
        Trade("BTC-USD", "65000.01", "13", us - 200_000 + 456), Trade("BTC-USD", "65000.010", "14", us - 100_000 + 456)]
    out["bybit"] = [
        json.dumps({"success": True, "ret_msg": "subscribe", "conn_id": "x", "req_id": "1", "op": "subscribe"}),
        json.dumps({"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": ms, "data": [
            {"T": ms - 20, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "65000.1", "i": "2290000000000000001",
             "BT": False},
            {"T": ms - 15, "s": "BTCUSDT", "S": "Buy", "v": "9", "p": "60000", "i": "2290000000000000002", "BT": True},
            {"T": ms - 10, "s": "BTCUSDT", "S": "Buy", "v": "1", "p": "65000.10",
             "i": "3dd77fef-9d6b-5bd6-8a37-d0c1d2f4f4d9", "BT": False}]}),
    ], [Trade("BTCUSDT", "65000.1", "2290000000000000001", us - 20_000),
        Trade("BTCUSDT", "65000.10", "3dd77fef-9d6b-5bd6-8a37-d0c1d2f4f4d9", us - 10_000)]
    out["gemini"] = [
        json.dumps({"id": "1", "status": 200, "result": None}),
        json.dumps({"E": ms * 1_000_000 + 123_456_789, "s": "btcusd", "t": 2840140956529623, "p": "65000.10000",
                    "q": "0.0100", "m": True}),
        json.dumps({"E": ms * 1_000_000 + 200_000_000, "s": "btcusd", "t": None, "p": "65000.20", "q": "1", "m": True}),
    ], [Trade("btcusd", "65000.10000", n(2840140956529623), us + 123_456),
        Trade("btcusd", "65000.20", None, us + 200_000)]
    crypto = {"id": -1, "method": "subscribe", "code": 0}

    def crypto_com(trades):
        return json.dumps(crypto | {"result": {
            "instrument_name": "BTC_USD", "subscription": "trade.BTC_USD", "channel": "trade",
            "data": [{"d": i, "t": at, "p": p, "q": "0.1", "s": "BUY", "i": "BTC_USD"} for i, at, p in trades]}})
    out["crypto_com"] = [
        json.dumps({"id": 1, "method": "subscribe", "code": 0}),
        crypto_com([("4611686018470000000", ms - 60_000, "64990.50"), ("4611686018469999999", ms - 90_000, "64990.5")]),
        json.dumps({"id": 5, "method": "public/heartbeat", "code": 0}),
        crypto_com([("4611686018470000002", ms - 10, "65000.010"), ("4611686018470000001", ms - 20, "65000.01")]),
    ], [Trade("BTC_USD", "64990.5", "4611686018469999999", us - 90_000_000, False),
        Trade("BTC_USD", "64990.50", "4611686018470000000", us - 60_000_000, False),
        Trade("BTC_USD", "65000.01", "4611686018470000001", us - 20_000),
        Trade("BTC_USD", "65000.010", "4611686018470000002", us - 10_000)]

    def bitget(action, trades):
        return json.dumps({"action": action, "arg": {"instType": "SPOT", "channel": "trade", "instId": "BTCUSDT"},
                           "data": [{"ts": str(at), "price": p, "size": "0.1", "side": "buy", "tradeId": i}
                                    for i, at, p in trades], "ts": ms})
    out["bitget"] = [
        json.dumps({"event": "subscribe", "arg": {"instType": "SPOT", "channel": "trade", "instId": "BTCUSDT"}}),
        "pong",
        bitget("snapshot", [("1002", ms - 900, "64999.90"), ("1001", ms - 1000, "64999.9")]),
        bitget("update", [("1004", ms - 10, "65000.10"), ("1003", ms - 20, "65000.1"), ("1002", ms - 900, "64999.90")]),
    ], [Trade("BTCUSDT", "64999.9", "1001", us - 1_000_000, False),
        Trade("BTCUSDT", "64999.90", "1002", us - 900_000, False),
        Trade("BTCUSDT", "65000.1", "1003", us - 20_000), Trade("BTCUSDT", "65000.10", "1004", us - 10_000)]
    out["mexc"] = [
        json.dumps({"id": 0, "code": 0, "msg": "spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"}),
        mexc_push("BTCUSDT", [("65000.10", ms - 30, ""), ("65000.1", ms - 20, "")]),
        mexc_push("BTCUSDT", [("65000.123456789", ms - 10, "77X1")]),
        mexc_push("BTCUSDT", [("1", ms, "")], body=315),
        json.dumps({"id": 0, "code": 0, "msg": "PONG"}),
    ], [Trade("BTCUSDT", "65000.10", None, us - 30_000), Trade("BTCUSDT", "65000.1", None, us - 20_000),
        Trade("BTCUSDT", "65000.123456789", "77X1", us - 10_000)]
    return out


def recorded(frames):
    lines = []
    for frame in frames:
        binary = isinstance(frame, bytes)
        lines.append(json.dumps({"at": NOW, "dir": "in"} | (
            {"base64": base64.b64encode(frame).decode()} if binary else {"text": frame})))
    return "\n".join(lines) + "\n"


def protocols(program, check):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "frames.jsonl"
        for venue, (frames, expected) in made_frames().items():
            file.write_text(recorded(frames))
            state = {}
            found = [t for line in recorded(frames).splitlines() for t in EXTRACTS[venue](frame_in(json.loads(line)), state)]
            check.expect(sorted(map(str, unique(found))) == sorted(map(str, expected)) or venue == "crypto_com",
                         f"{venue}: this test itself finds {found}")
            symbols = sorted({t.symbol for t in expected})
            done = run(program, venue, file, "--at", "frame", "--symbols", ",".join(f"X{i}={s}" for i, s in enumerate(symbols)))
            quotes = compare(check, venue, done, expected)
            check.expect([q["price"] for q in quotes] == [t.price for t in expected], f"{venue}: the order of {quotes}")
            for q, trade in zip(quotes, expected):
                check.expect(q["live"] is trade.fresh, f"{venue}: {q}")
            check.expect("reason" not in done.stdout or venue == "mexc", f"{venue}: {done.stdout}")
            print(f"{venue}: {len(quotes)} quotes")
        # What is wrong is said, and the rest is read.
        file.write_text("garbage\n" + recorded(['{"e":"trade","s":"BTCUSDT","p":"-1","t":1,"T":1}', "<html>", "<html>", "<html>"]) +
                        recorded(made_frames()["binance"][0]) + '{"at": 1, "dir": "in"}\n')
        done = run(program, "binance", file)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        check.expect([("reason" if "reason" in line else "price") for line in lines] ==
                     ["reason", "reason", "reason", "price", "reason"], f"bad lines: {done.stdout}")
        check.expect("3 frames from line 3 to 5" in done.stdout, f"one line for what is alike: {done.stdout}")
        file.write_text(recorded([json.dumps({
            "arg": {"channel": "trades", "instId": "BTC-USDT"},
            "data": [{"instId": "BTC-USDT", "tradeId": None, "px": "65000.1", "sz": "1", "side": "buy",
                      "ts": str(NOW * 1000)}]})]))
        done = run(program, "okx", file)
        check.expect('"trade_id":null,' in done.stdout, f"a trade without an id: {done.stdout}")
        # Whether it can be run at all.
        for arguments, text in ((["nowhere", file], "there is no venue 'nowhere'"),
                                (["binance", file.with_name("absent")], "there is no file"),
                                (["binance", folder], "is a directory"),
                                (["binance", "/dev/null"], "have to be named by --symbols"),
                                (["binance", file, "--at", "noon"], "--at: 'noon' is not known"),
                                (["binance", file, "--symbols", "BTC"], "'BTC' is not TICKER=SYMBOL"),
                                (["binance", file, "--symbols", "BTC=btc/usd"], "is not a valid symbol of binance"),
                                (["binance"], "FILE is required")):
            done = run(program, *arguments)
            check.expect(done.returncode == 2 and text in done.stderr and not done.stdout,
                         f"{arguments}: {done.returncode} {done.stderr}")


# The simulator's venues, recorded by the real program over real sockets.


def simulated(program, check, simulator):
    with tempfile.TemporaryDirectory() as folder:
        sim = subprocess.Popen([simulator, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        feed = None
        try:
            settings = dict(os.environ)
            for line in sim.stdout:
                if line.startswith("PRICEWIRE_"):
                    name, value = line.strip().split("=", 1)
                    settings[name] = value
                    settings[name.replace("_WS_URL", "_ENABLED").replace("_REST_URL", "_ENABLED")] = "true"
                if "listening on" in line:
                    break
            venues = [name[18:-7].lower() for name in settings if name.startswith("PRICEWIRE_SOURCES_")
                      and name.endswith("_WS_URL")]
            check.expect(set(venues) == set(EXTRACTS), f"venue_trades.py lacks, or has too many: {set(venues) ^ set(EXTRACTS)}")
            log = open(os.path.join(folder, "log"), "w+")
            feed = subprocess.Popen([program, "feed", "--record", "recorded"], cwd=folder, env=settings, stdout=log,
                                    stderr=log)
            wait_for_trades(program, feed, log, venues, pathlib.Path(folder, "recorded"))
            feed.send_signal(signal.SIGTERM)
            check.expect(feed.wait(60) == 0, f"feed --record: exit code {feed.returncode}")
            for venue in venues:
                file = pathlib.Path(folder, "recorded", venue + ".jsonl.gz")
                check_recording(check, program, venue, EXTRACTS[venue], file)
                text = gzip.open(file, "rt").read()
                check.expect("token=" not in text, f"{venue}: a token in the recording")
                keys = {key for line in text.splitlines() for key in json.loads(line)}
                check.expect(keys <= {"at", "dir", "text", "base64", "connection"}, f"{venue}: {keys}")
        finally:
            for process in filter(None, (feed, sim)):
                process.kill()
                process.wait()


def wait_for_trades(program, feed, log, venues, folder):
    """Until each venue's recording has some. What passed is in the file after some seconds at most."""
    missing, end = set(venues), time.monotonic() + 120
    while missing:
        if feed.poll() is not None or time.monotonic() > end:
            log.seek(0)
            raise RuntimeError(f"no trades of {sorted(missing)}: {log.read()}")
        time.sleep(0.5)
        missing = {v for v in missing if not (folder / f"{v}.jsonl.gz").exists()
                   or run(program, v, folder / f"{v}.jsonl.gz").stdout.count('"price"') < 5}


def main():
    check = Failures()
    {"recordings": recordings, "protocols": protocols, "simulated": simulated}[sys.argv[1]](
        os.path.abspath(sys.argv[2]), check, *map(os.path.abspath, sys.argv[3:]))
    sys.exit(1 if check.count else 0)


main()

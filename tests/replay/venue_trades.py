"""What each venue's trades look like, to Python: for replay_test.py, which compares them with `pricewire replay`."""
import collections
import datetime
import decimal
import json

# `fresh`: whether it is a push of something that has just been traded; None where only its age can tell.
Trade = collections.namedtuple("Trade", "symbol price id us fresh", defaults=(True,))


class Spelled(str):
    """A JSON number, as it is spelled."""


def parse(text):
    return json.loads(text, parse_float=Spelled, parse_int=Spelled)


def iso_us(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc).timestamp()
    return int(seconds) * 1_000_000 + int((fraction + "000000")[:6])


def scaled(text, places):
    """The digits of a Unix time, to whole microseconds; `places` is 3 for milliseconds."""
    return int(decimal.Decimal(text).scaleb(6 - places))


# What each venue's trades look like: called with a parsed frame and a dict that lives as long as the connection.


def binance(frame, state):
    d = frame.get("data", frame)
    if d.get("e") in ("trade", "aggTrade"):
        yield Trade(d["s"], d["p"], d["a" if d["e"] == "aggTrade" else "t"], scaled(d["T"], 3))


def okx(frame, state):
    if frame.get("arg", {}).get("channel") == "trades":
        for d in frame.get("data", []):
            yield Trade(d["instId"], d["px"], d["tradeId"], scaled(d["ts"], 3), None)


def kucoin(frame, state):
    if frame.get("subject") == "trade.l3match":
        d = frame["data"]
        yield Trade(d["symbol"], d["price"], d["tradeId"], scaled(d["time"], 9))


def gateio(frame, state):
    if frame.get("channel") == "spot.trades" and frame["event"] == "update":
        for d in frame["result"] if isinstance(frame["result"], list) else [frame["result"]]:
            yield Trade(d["currency_pair"], d["price"], d["id"], scaled(d["create_time_ms"], 3))


def bitstamp(frame, state):
    if frame.get("event") == "trade":
        d = frame["data"]
        symbol = frame["channel"].removeprefix("live_trades_")
        yield Trade(symbol, d.get("price_str", d["price"]), d["id"], scaled(d["microtimestamp"], 6))


def bitfinex(frame, state):
    if isinstance(frame, dict):
        if frame.get("event") == "subscribed" and frame["channel"] == "trades":
            state[frame["chanId"]] = frame["symbol"]
        return
    if frame[0] not in state:
        return
    if isinstance(frame[1], list):
        rows, fresh = frame[1], False
    elif frame[1] == "te":
        rows, fresh = [frame[2]], True
    else:
        return
    for row in rows:
        yield Trade(state[frame[0]], row[3], row[0], scaled(row[1], 3), fresh)


def htx(frame, state):
    channel = frame.get("ch", "").split(".")
    if channel[2:] == ["trade", "detail"]:
        for d in frame["tick"]["data"]:
            yield Trade(channel[1], d["price"], d["tradeId"], scaled(d["ts"], 3), None)


def kraken(frame, state):
    if frame.get("channel") == "trade":
        for d in frame["data"]:
            yield Trade(d["symbol"], d["price"], d["trade_id"], iso_us(d["timestamp"]), frame["type"] == "update")


def coinbase(frame, state):
    if frame.get("channel") == "market_trades":
        for event in frame["events"]:
            for d in event["trades"]:
                yield Trade(d["product_id"], d["price"], d["trade_id"], iso_us(d["time"]), event["type"] == "update")


def bybit(frame, state):
    if frame.get("topic", "").startswith("publicTrade."):
        for d in frame["data"]:
            if not d.get("BT"):
                yield Trade(d["s"], d["p"], d["i"], scaled(d["T"], 3))


def gemini(frame, state):
    if "t" in frame and "p" in frame:
        yield Trade(frame["s"], frame["p"], frame["t"], scaled(frame["E"], 9))


def crypto_com(frame, state):
    if frame.get("result", {}).get("channel") == "trade":
        for d in frame["result"]["data"]:
            yield Trade(d["i"], d["p"], d["d"], scaled(d["t"], 3))


def bitget(frame, state):
    arg = frame.get("arg", {})
    if "data" in frame and arg.get("channel", arg.get("topic")) in ("trade", "publicTrade"):
        for d in frame["data"]:
            yield Trade(arg.get("instId", arg.get("symbol")), d.get("price", d.get("p")), d.get("tradeId", d.get("i")),
                        scaled(d.get("ts", d.get("T")), 3), frame["action"] == "update")


def proto_fields(data):
    """(number, value) for each field of a protobuf message; values are integers or bytes."""
    def number(at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return value, at
    at = 0
    while at < len(data):
        tag, at = number(at)
        value, at = number(at)
        if tag & 7 == 2:
            at += value
            yield tag >> 3, data[at - value:at]
        else:
            yield tag >> 3, value


def mexc(frame, state):
    if not isinstance(frame, bytes):
        return
    push = dict(proto_fields(frame))
    for number, deal in proto_fields(push.get(314, b"")):
        if number == 1:
            d = dict(proto_fields(deal))
            yield Trade(push[3].decode(), d[1].decode(), d[5].decode() if 5 in d else None, scaled(d[4], 3))


RECORDED = {"binance_us": binance, "okx": okx, "kucoin": kucoin, "gateio": gateio, "bitstamp": bitstamp,
            "bitfinex": bitfinex, "htx": htx}
EXTRACTS = RECORDED | {"binance": binance, "coinbase": coinbase, "kraken": kraken, "bybit": bybit, "gemini": gemini,
                       "crypto_com": crypto_com, "bitget": bitget, "mexc": mexc}

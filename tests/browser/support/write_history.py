"""Writes bars of the last days into an empty database, ending at the simulated market's starting prices."""
import math
import random
import sqlite3
import sys
import time

MINUTE = 60
HOUR = 60 * MINUTE
MINUTES = 3 * 24 * 60
ENDS = {"BTC": (65000, 2), "ETH": (3100, 2), "DOGE": (0.1423, 6), "SOL": (142.8, 4), "BNB": (580, 4)}


def minute_bars(end, seed):
    """(start, open, high, low, close, volume), oldest first."""
    rng = random.Random(seed)
    now = int(time.time()) // MINUTE * MINUTE
    bars = []
    price = end
    # Backwards from the end, so that the walk joins the market that continues from there.
    for minute in range(MINUTES):
        close = price
        drift = -math.log(price / end) * 2e-4
        price = close * math.exp(rng.gauss(drift, 0.0007))
        high = max(price, close) * (1 + abs(rng.gauss(0, 0.0002)))
        low = min(price, close) * (1 - abs(rng.gauss(0, 0.0002)))
        volume = rng.lognormvariate(2, 0.5) * (1 + abs(close / price - 1) * 900)
        bars.append((now - minute * MINUTE, price, high, low, close, volume))
    return bars[::-1]


def hour_bars(minutes):
    """(start, open, high, low, close, volume, first minute, last minute)."""
    hours = {}
    for start, *figures in minutes:
        hours.setdefault(start // HOUR * HOUR, []).append((start, *figures))
    for start, bars in hours.items():
        yield (start, bars[0][1], max(b[2] for b in bars), min(b[3] for b in bars), bars[-1][4], sum(b[5] for b in bars),
               bars[0][0], bars[-1][0])


with sqlite3.connect(sys.argv[1]) as database:
    for seed, (ticker, (end, places)) in enumerate(ENDS.items()):

        def texts(prices):
            return [f"{price:.{places}f}".rstrip("0").rstrip(".") for price in prices]

        minutes = minute_bars(end, seed)
        for start, *prices, volume in minutes:
            database.execute("INSERT INTO bars (ticker, start, open, high, low, close, volume) VALUES (?, ?, ?, ?, ?, ?, ?)",
                             (ticker, start * 1_000_000, *texts(prices), f"{volume:.4f}"))
        for start, *prices, volume, first, last in hour_bars(minutes):
            database.execute("INSERT INTO hour_bars (ticker, start, open, high, low, close, volume, first_minute, last_minute)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             (ticker, start * 1_000_000, *texts(prices), f"{volume:.4f}", first * 1_000_000,
                              last * 1_000_000))

// The metrics that are read at a scrape.
#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/slot_owners.hpp"
#include "feed/venue.hpp"
#include "metrics/instruments.hpp"

namespace pricewire::metrics {
namespace {

// Counting deliveries stops here, so that it stays cheap.
constexpr std::size_t most_counted = 10'000;

template <typename T>
std::string text(const T& name) {
    return std::string(name.view());
}

constexpr std::array all_source_states{
    feed::SourceState::disabled,    feed::SourceState::idle,      feed::SourceState::starting,
    feed::SourceState::connecting,  feed::SourceState::streaming, feed::SourceState::polling_fallback,
    feed::SourceState::polling,     feed::SourceState::refused,   feed::SourceState::unavailable_here,
    feed::SourceState::maintenance, feed::SourceState::silent};

// From tenths of a basis point, or hundred-thousandths.
double ratio(std::int64_t bp10) {
    return static_cast<double>(bp10) / 100'000;
}

bool brings_quotes(feed::SourceState state) {
    return state == feed::SourceState::streaming || state == feed::SourceState::polling_fallback ||
           state == feed::SourceState::polling;
}

Figures quotes_of(const price::MarketMeters& meters) {
    Figures out;
    for (const auto& [source, judged] : meters.judged()) {
        const auto add = [&](std::string_view verdict, std::uint64_t count) {
            out.push_back(
                {{{"source", text(source)}, {"verdict", std::string(verdict)}}, static_cast<double>(count)});
        };
        for (std::size_t v = 0; v < judged.by_verdict.size(); ++v)
            add(to_string(static_cast<Verdict>(v)), judged.by_verdict[v]);
        add("outdated", judged.outdated);
    }
    return out;
}

using TickerMeters = std::vector<std::shared_ptr<const price::TickerMeter>>;

TickerMeters meters_of(const std::set<Ticker>& tickers, const price::MarketMeters& meters) {
    TickerMeters out = meters.all();
    std::erase_if(out, [&](const auto& meter) { return !tickers.contains(meter->ticker); });
    return out;
}

// `value` gives an optional figure.
template <typename Value>
Figures by_quote(const TickerMeters& meters, Value&& value) {
    Figures out;
    for (const auto& ticker : meters) {
        for (const price::QuoteMeter& quotes : ticker->quotes) {
            if (const std::optional<double> figure = value(quotes)) {
                out.push_back({{{"source", text(quotes.source)}, {"ticker", text(ticker->ticker)}}, *figure});
            }
        }
    }
    return out;
}

template <typename Value>
Figures by_currency(const price::RateMeters& rates, Value&& value) {
    Figures out;
    for (const price::RateMeter& rate : rates)
        out.push_back({{{"currency", text(rate.currency)}}, value(rate)});
    return out;
}

template <typename Value>
Figures by_ticker(const TickerMeters& meters, Value&& value) {
    Figures out;
    for (const auto& ticker : meters)
        out.push_back({{{"ticker", text(ticker->ticker)}}, static_cast<double>(value(*ticker))});
    return out;
}

}  // namespace

void Instruments::watch_feed(const price::MarketMeters& meters, const price::RateMeters& rates,
                             std::function<std::vector<feed::SourceStatus>()> sources,
                             std::span<const Ticker> pinned_tickers) {
    const std::set<Ticker> pinned(pinned_tickers.begin(), pinned_tickers.end());
    registry_.counter("pricewire_quotes_total",
                      "Quotes that sources sent, by source and by whether each counted when it came.",
                      [&meters] { return quotes_of(meters); });
    registry_.gauge("pricewire_quote_age_seconds", "How long ago the last quote came, by source and ticker.",
                    [this, &meters, pinned] {
                        return by_quote(meters_of(pinned, meters),
                                        [now = clock_.now()](const price::QuoteMeter& quotes) {
                                            const auto at = quotes.received_at();
                                            return at ? std::optional(seconds(now - *at)) : std::nullopt;
                                        });
                    });
    registry_.gauge(
        "pricewire_quote_counts", "Whether a source's last quote counts for the price.", [&meters, pinned] {
            return by_quote(meters_of(pinned, meters), [](const price::QuoteMeter& quotes) {
                return quotes.received_at()
                           ? std::optional(quotes.counts.load(std::memory_order_relaxed) ? 1.0 : 0.0)
                           : std::nullopt;
            });
        });
    registry_.gauge("pricewire_quote_spread_ratio",
                    "How far a source's last quote is from the price, as a share of that; negative below it.",
                    [&meters, pinned] {
                        return by_quote(meters_of(pinned, meters), [](const price::QuoteMeter& quotes) {
                            const auto spread = quotes.spread_bp10();
                            return spread ? std::optional(ratio(*spread)) : std::nullopt;
                        });
                    });
    registry_.counter(
        "pricewire_quotes_refused_total",
        "Frames, answers and figures of a source that gave no quote, by reason.", [sources] {
            Figures out;
            for (const feed::SourceStatus& source : sources()) {
                for (std::size_t kind = 0; kind < feed::parse_error_kinds; ++kind) {
                    out.push_back(
                        {{{"source", text(source.name)},
                          {"reason", std::string(to_string(static_cast<feed::ParseError::Kind>(kind)))}},
                         static_cast<double>(source.left_out[kind])});
                }
            }
            return out;
        });
    const auto by_source = [sources](std::uint64_t feed::SourceStatus::* member) {
        return [sources, member] {
            Figures out;
            for (const feed::SourceStatus& source : sources())
                out.push_back({{{"source", text(source.name)}}, static_cast<double>(source.*member)});
            return out;
        };
    };
    registry_.counter("pricewire_trades_lost_total",
                      "Trades that the numbers of a source's trades show to be missing.",
                      by_source(&feed::SourceStatus::lost_trades));
    registry_.counter("pricewire_frames_lost_total",
                      "Times at which the numbers of a source's frames show that some are missing.",
                      by_source(&feed::SourceStatus::lost_frames));
    registry_.counter("pricewire_source_connections_total",
                      "Connections of a source's stream that were opened, renewals among them.",
                      by_source(&feed::SourceStatus::connections));
    registry_.gauge("pricewire_source_up", "Whether a source brings quotes, by whatever way.", [sources] {
        Figures out;
        for (const feed::SourceStatus& source : sources())
            out.push_back({{{"source", text(source.name)}}, brings_quotes(source.state) ? 1.0 : 0.0});
        return out;
    });
    registry_.gauge(
        "pricewire_source_state", "1 for the state that a source is in, 0 for the others.", [sources] {
            Figures out;
            for (const feed::SourceStatus& source : sources()) {
                for (const feed::SourceState state : all_source_states) {
                    out.push_back({{{"source", text(source.name)}, {"state", std::string(to_string(state))}},
                                   source.state == state ? 1.0 : 0.0});
                }
            }
            return out;
        });
    registry_.counter("pricewire_prices_total", "Prices made out of quotes, by ticker.", [&meters] {
        return by_ticker(meters.all(), [](const price::TickerMeter& t) { return t.prices.value(); });
    });
    registry_.gauge("pricewire_price_available", "Whether a pinned ticker has a price.", [&meters, pinned] {
        return by_ticker(meters_of(pinned, meters), [](const price::TickerMeter& t) {
            return t.has_price.load(std::memory_order_relaxed);
        });
    });
    registry_.gauge("pricewire_price_sources", "How many sources agree with the price.", [&meters] {
        return by_ticker(meters.all(), [](const price::TickerMeter& t) {
            return t.sources.load(std::memory_order_relaxed);
        });
    });
    registry_.gauge("pricewire_dollar_rate", "What a unit of a currency counts for in dollars.", [&rates] {
        return by_currency(rates, [](const price::RateMeter& rate) {
            return ratio(rate.e5.load(std::memory_order_relaxed));
        });
    });
    registry_.gauge("pricewire_dollar_rate_sources",
                    "How many sources say what a currency is worth in dollars.", [&rates] {
                        return by_currency(rates, [](const price::RateMeter& rate) {
                            return static_cast<double>(rate.sources.load(std::memory_order_relaxed));
                        });
                    });
    registry_.gauge("pricewire_price_band_ratio", "The width of a price's band, as a share of the price.",
                    [&meters] {
                        return by_ticker(meters.all(), [](const price::TickerMeter& t) {
                            return ratio(t.band_bp10.load(std::memory_order_relaxed));
                        });
                    });
}

void Instruments::watch(const watch::Watcher& watcher) {
    registry_.gauge("pricewire_watched_tickers", "Tickers that are watched, pinned ones included.",
                    [&watcher] { return watcher.counts().watched; });
    registry_.gauge("pricewire_unwatched_tickers", "Tickers that are needed and have no prices, by why.",
                    [&watcher] {
                        const watch::WatchCounts counts = watcher.counts();
                        Figures out;
                        for (std::size_t i = 0; i < counts.unwatched.size(); ++i) {
                            out.push_back({{{"state", std::string(to_string(static_cast<Unwatchable>(i)))}},
                                           static_cast<double>(counts.unwatched[i])});
                        }
                        return out;
                    });
}

void Instruments::watch(const alert::Checker& checker) {
    registry_.gauge("pricewire_active_alerts", "Alerts that are watched.",
                    [&checker] { return checker.active_alerts(); });
    registry_.gauge("pricewire_alerts_loaded", "Whether the active alerts have been read from the database.",
                    [&checker] { return checker.ready() ? 1 : 0; });
    registry_.gauge("pricewire_checker_backlog", "Prices and changes of alerts that wait for the checker.",
                    [&checker] { return checker.backlog(); });
}

void Instruments::watch(const outbox::Outbox& outbox) {
    registry_.counter("pricewire_firings_total", "Firings that the checker handed over.",
                      [&outbox] { return outbox.taken(); });
    registry_.counter(
        "pricewire_firings_written_total",
        "Firings that were written with their delivery; those that another checker wrote are not "
        "among them.",
        [&outbox] { return outbox.written(); });
    registry_.counter("pricewire_outbox_commits_total", "Transactions that wrote firings.",
                      [&outbox] { return outbox.commits(); });
    registry_.gauge("pricewire_outbox_pending_firings", "Firings that are not committed yet.",
                    [&outbox] { return outbox.pending(); });
}

void Instruments::watch(const deliver::Sender& sender) {
    const auto gauge = [&](const char* name, const char* help, std::size_t deliver::SenderStats::* member) {
        registry_.gauge(name, help, [&sender, member] { return sender.stats().*member; });
    };
    const auto counter = [&](const char* name, const char* help,
                             std::uint64_t deliver::SenderStats::* member) {
        registry_.counter(name, help, [&sender, member] { return sender.stats().*member; });
    };
    gauge("pricewire_deliveries_in_flight", "Attempts under way.", &deliver::SenderStats::in_flight);
    gauge("pricewire_deliveries_waiting", "Deliveries claimed that wait for room at their endpoint.",
          &deliver::SenderStats::waiting);
    gauge("pricewire_deliveries_unrecorded", "Outcomes that are not written to the database yet.",
          &deliver::SenderStats::unrecorded);
    counter("pricewire_deliveries_deferred_total",
            "Deliveries given back to the database since their endpoint had no room.",
            &deliver::SenderStats::deferred);
    registry_.gauge("pricewire_circuit_breakers",
                    "Endpoints that are known, by their circuit breaker's state.", [&sender] {
                        const deliver::SenderStats s = sender.stats();
                        const auto figure = [](BreakerState state, std::size_t count) {
                            return Figure{{{"state", std::string(to_string(state))}},
                                          static_cast<double>(count)};
                        };
                        return Figures{figure(BreakerState::closed, s.endpoints_known - s.open_breakers),
                                       figure(BreakerState::open, s.open_breakers - s.half_open_breakers),
                                       figure(BreakerState::half_open, s.half_open_breakers)};
                    });
    watch_backlog();
}

void Instruments::watch(const api::Api& api) {
    registry_.gauge("pricewire_alerts_blind", "Active alerts on tickers that have no price.", [this] {
        MutexLock lock(backlog_mutex_);
        return blind_alerts_ ? Figures{{{}, static_cast<double>(*blind_alerts_)}} : Figures{};
    });
    registry_.gauge("pricewire_stream_clients", "Clients of the live stream.",
                    [&api] { return api.stream_clients(); });
}

void Instruments::watch(const directory::Discovery& discovery) {
    const auto gauge = [&](const char* name, const char* help, auto value) {
        registry_.gauge(name, help, [&discovery, value] {
            Figures out;
            for (const directory::ListReport& list : discovery.reports()) {
                if (list.read_at) out.push_back({{{"source", text(list.source)}}, value(list)});
            }
            return out;
        });
    };
    gauge("pricewire_listed_pairs", "Pairs in a source's own list that can be watched.",
          [](const directory::ListReport& list) { return static_cast<double>(list.pairs); });
    gauge("pricewire_list_age_seconds", "How long ago a source's symbol list was read.",
          [this](const directory::ListReport& list) { return seconds(clock_.now() - *list.read_at); });
}

void Instruments::watch(const history::Backfill& backfill) {
    registry_.gauge("pricewire_history_tickers", "Tickers whose past is being loaded, or waits for it.",
                    [&backfill] {
                        const history::BackfillFigures now = backfill.figures();
                        return Figures{{{{"state", "loading"}}, static_cast<double>(now.under_way)},
                                       {{{"state", "waiting"}}, static_cast<double>(now.waiting)}};
                    });
    registry_.counter("pricewire_history_bars_total", "Bars of the past loaded from venues.",
                      [&backfill] { return static_cast<double>(backfill.figures().bars); });
    registry_.counter("pricewire_history_failures_total",
                      "Loadings of a ticker's past that failed and are tried again.",
                      [&backfill] { return static_cast<double>(backfill.figures().failures); });
}

void Instruments::watch(const recover::Recorder& recorder) {
    registry_.gauge("pricewire_blind_tickers", "Tickers of which no feed hears an exchange right now.",
                    [&recorder] { return recorder.blind_tickers(); });
    registry_.counter("pricewire_blind_seconds_total",
                      "Time in which no price of a ticker was judged, over all tickers, once it is over.",
                      [&recorder] { return recorder.blind_seconds(); });
}

void Instruments::watch(const recover::Runner& runner) {
    registry_.counter("pricewire_late_firings_total",
                      "Alerts that have fired for a time in which nobody watched.",
                      [&runner] { return runner.fired(); });
    registry_.counter("pricewire_recovered_seconds_total",
                      "Blind time for which venues have given the prices, over all tickers.",
                      [&runner] { return runner.recovered_seconds(); });
    registry_.counter("pricewire_lost_seconds_total", "Blind time that stays unknown, over all tickers.",
                      [&runner] { return runner.lost_seconds(); });
}

void Instruments::watch(const cluster::Membership& membership) {
    const auto by_role = [&membership](auto value) {
        Figures out;
        const auto groups = membership.groups();
        for (const std::string_view name : member_role_names.all()) {
            const MemberRole role = *parse_member_role(name);
            out.push_back(
                {{{"role", std::string(name)}}, static_cast<double>(value(*groups->of(role), role))});
        }
        return out;
    };
    registry_.gauge("pricewire_members", "Processes that divide work, by role.", [by_role] {
        return by_role([](const cluster::Group& group, MemberRole) { return group.size(); });
    });
    registry_.gauge("pricewire_members_settled", "Those of them that hold all of their share.", [by_role] {
        return by_role([](const cluster::Group& group, MemberRole role) {
            return role == MemberRole::sender ? cluster::dividing(group).settled() : group.settled();
        });
    });
    registry_.gauge("pricewire_member_fenced",
                    "Whether a lease of this process has ended, so that others do its work.",
                    [this, &membership] { return membership.is_fenced(clock_.mono()) ? 1 : 0; });
}

void Instruments::watch(const trace::Exporter& exporter) {
    registry_.counter("pricewire_traced_total",
                      "Pieces of work whose spans the receiver of traces took, or that were dropped.",
                      [&exporter] {
                          const trace::ExporterStats now = exporter.stats();
                          return Figures{{{{"result", "sent"}}, static_cast<double>(now.sent)},
                                         {{{"result", "dropped"}}, static_cast<double>(now.dropped)}};
                      });
}

void Instruments::watch(const Sampler& sampler) {
    registry_.gauge("pricewire_dependency_up", "Whether database, cache and queue answered their last ping.",
                    [&sampler] {
                        Figures out;
                        for (const api::PingResult& ping : sampler.last())
                            out.push_back({{{"dependency", ping.name}}, ping.up ? 1.0 : 0.0});
                        return out;
                    });
    registry_.gauge("pricewire_dependency_ping_seconds",
                    "How long database, cache and queue took to answer their last ping.", [&sampler] {
                        Figures out;
                        for (const api::PingResult& ping : sampler.last()) {
                            if (ping.latency_ms)
                                out.push_back({{{"dependency", ping.name}}, *ping.latency_ms / 1000});
                        }
                        return out;
                    });
}

void Instruments::measure_backlog(storage::Outbox& storage) {
    const storage::DeliveryBacklog now = storage.backlog(clock_.now(), most_counted);
    MutexLock lock(backlog_mutex_);
    backlog_ = now;
}

void Instruments::measure_blind(storage::Needs& storage,
                                const std::function<bool(const Ticker&)>& has_price) {
    std::vector<Ticker> blind;
    for (const auto& [ticker, by_alert] : storage.needed_tickers(clock_.now())) {
        if (by_alert && !has_price(ticker)) blind.push_back(ticker);
    }
    const std::size_t alerts = storage.count_alerts(blind);
    MutexLock lock(backlog_mutex_);
    blind_alerts_ = alerts;
}

void Instruments::watch_backlog() {
    const auto gauge = [&](const char* name, const char* help, auto value) {
        registry_.gauge(name, help, [this, value] {
            MutexLock lock(backlog_mutex_);
            if (!backlog_) return Figures{};
            return Figures{{{}, value(*backlog_)}};
        });
    };
    gauge("pricewire_deliveries_due",
          "Deliveries in the database that could be attempted now, at most 10000.",
          [](const storage::DeliveryBacklog& b) { return static_cast<double>(b.due); });
    gauge(
        "pricewire_deliveries_unfinished",
        "Deliveries in the database that have not ended, those that wait for their time and those under way "
        "among them, at most 10000.",
        [](const storage::DeliveryBacklog& b) { return static_cast<double>(b.unfinished); });
    // While the database is unavailable, what was due stays due and its age grows.
    gauge("pricewire_oldest_due_delivery_age_seconds",
          "For how long the oldest due delivery has been due; 0 where none is.",
          [this](const storage::DeliveryBacklog& b) {
              return b.oldest_due ? seconds(clock_.now() - *b.oldest_due) : 0.0;
          });
}

}  // namespace pricewire::metrics

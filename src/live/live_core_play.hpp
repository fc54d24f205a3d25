#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bus/in_process/in_process_bus.hpp"
#include "live/live_core.hpp"

namespace pricewire::live {

// Plays a script of events, one a line, and returns what was sent, closed and asked, a line each.
//
//   join C U [sse] [only T] [after C2|ID]   client C of user U joins, after the last event of C2 or event ID
//   choose C T… , leave C                   no T: all tickers
//   watch C T…                              beside the pinned ones
//   unwatched T:state… , unlisted T…        what is needed and has no prices; what nobody lists
//   alerts U T…                             answers which tickers the user's active alerts have
//   counts U T:N… , counts U failed         answers how many active alerts the user has on each ticker
//   looks few|many                          whether users may look at more tickers
//   notice U D [fired]                      delivery or alert D of user U has changed
//   missed                                  notices of the last second may have been lost
//   found D:state…, found too-many          answers the last lookup; "D:state!": its alert has just fired; "D/A:state":
//                                           of alert A, which has terms; "created:A", "changed:A", "deleted:A": of
//                                           alert A
//   failed                                  it could not be answered
//   changed [U], key C valid|invalid|failed
//   full, room                              whether questions are refused
//   blocks C, reads C                       whether the client reads what it is sent
//   price T P, gone T, wait N               N milliseconds pass
//
// Users and deliveries are numbers; clients have names.
class LivePlay {
public:
    explicit LivePlay(LiveOptions options) : options_(std::move(options)) {
        options_.demand = {.on_demand = options_.demand.on_demand,
                           .look =
                               [this](const Ticker& ticker, const Uuid& user) {
                                   line(fmt::format("{} looks at {}", number_of(user), ticker.view()));
                                   return may_look_;
                               },
                           .is_listed = [this](const Ticker& ticker) { return !unlisted_.contains(ticker); },
                           .unwatched = [this] { return unwatched_; }};
        bus_ = bus::create_in_process_bus(options_.tickers);
        core_ = std::make_unique<LiveCore>(
            options_,
            LiveJson{
                .alert = [](const Alert& a) { return fmt::format("\"{} fired\"", number_of(a.id)); },
                .delivery =
                    [](const DeliveryView& d) {
                        return fmt::format("\"{} {}\"", number_of(d.id), to_string(d.state));
                    },
                .firing = [](const FiringView& f,
                             const Ticker&) { return fmt::format("\"by {}\"", number_of(f.delivery_id)); },
                .quotes = [](const TickerBoard&) { return std::string("[]"); },
                .why_unpriced =
                    [](const Ticker&, const WatchState* state, const std::optional<TickerBoard>& board) {
                        return std::string(state != nullptr ? "unwatched" : board ? "silent" : "unknown");
                    }},
            *bus_, 7,
            LiveQuestions{.look_up = [this](Lookup lookup) { return ask(std::move(lookup)); },
                          .check_key =
                              [this](const KeyCheck& check) {
                                  line(fmt::format("check {}", name_of(check.client)));
                                  return !full_;
                              },
                          .alert_tickers =
                              [this](const AlertTickers& of) {
                                  line(fmt::format("alerts of {}?", number_of(of.user_id)));
                                  return !full_;
                              },
                          .alert_counts =
                              [this](const AlertCounts&) {
                                  ++counts_asked_;
                                  return !full_;
                              }});
    }

    std::string play(const std::string& script) {
        std::istringstream lines(script);
        for (std::string text; std::getline(lines, text);) {
            std::istringstream words(text);
            std::vector<std::string> event;
            for (std::string word; words >> word;) event.push_back(word);
            if (!event.empty()) play_line(event);
        }
        return std::exchange(out_, {});
    }
    LiveCore& core() { return *core_; }
    // How often alerts were counted since the last call; play() does not report that.
    int counts_asked() { return std::exchange(counts_asked_, 0); }

private:
    struct Peer final : net::StreamPeer {
        Peer(LivePlay& owner, std::string client) : play(owner), name(std::move(client)) {}
        void send(std::shared_ptr<const std::string> data) override {
            if (!reads) queued += data->size();
            play.note_id(*this, *data);
            if (const std::string text = summary(*data); !text.empty()) play.line(name + ": " + text);
        }
        void close(std::uint16_t code, std::string) override {
            play.line(fmt::format("{} closed {}", name, code));
        }
        void abort() override {}
        std::size_t queued_bytes() const override { return queued; }

        LivePlay& play;
        std::string name;
        std::string last_id;
        bool reads = true;
        std::size_t queued = 0;
    };

    void play_line(const std::vector<std::string>& event) {
        const std::string& what = event[0];
        const auto word = [&](std::size_t i) { return i < event.size() ? event[i] : std::string(); };
        if (what == "join") {
            join(event);
        } else if (what == "choose") {
            std::optional<std::vector<Ticker>> tickers;
            if (event.size() > 2) tickers.emplace(event.begin() + 2, event.end());
            core_->on_choice(id_of(word(1)), tickers, now_);
        } else if (what == "watch") {
            core_->on_watch(id_of(word(1)), {event.begin() + 2, event.end()}, now_);
        } else if (what == "unwatched") {
            set_unwatched(event);
        } else if (what == "unlisted") {
            unlisted_ = {event.begin() + 1, event.end()};
        } else if (what == "alerts") {
            core_->on_alert_tickers({uuid(word(1)), word(2) == "failed", {event.begin() + 2, event.end()}},
                                    now_);
        } else if (what == "counts") {
            count_alerts(event);
        } else if (what == "looks") {
            may_look_ = word(1) == "many";
        } else if (what == "leave") {
            core_->on_leave(id_of(word(1)), now_);
        } else if (what == "notice") {
            const DeliveryNotice notice{uuid(word(1)), uuid(word(2)), word(3) == "fired"};
            core_->on_notices({&notice, 1}, now_);
        } else if (what == "missed") {
            core_->on_missed(now_.wall - std::chrono::seconds{1}, now_);
        } else if (what == "found" || what == "failed") {
            answer(event);
        } else if (what == "changed") {
            core_->on_user_changed(event.size() > 1 ? std::optional(uuid(word(1))) : std::nullopt);
        } else if (what == "key") {
            core_->on_key_checked({.client = id_of(word(1)),
                                   .key_hash = {},
                                   .failed = word(2) == "failed",
                                   .valid = word(2) == "valid"},
                                  now_);
        } else if (what == "full" || what == "room") {
            full_ = what == "full";
        } else if (what == "blocks" || what == "reads") {
            Peer& peer = *peers_.at(word(1));
            peer.reads = what == "reads";
            if (peer.reads) peer.queued = 0;
        } else if (what == "price") {
            const Ticker ticker(word(1));
            bus_->publish_board(
                {ticker, Price{ticker, *Decimal::parse(word(2)), now_.wall, ++sequence_}, {}});
        } else if (what == "gone") {
            bus_->publish_board({.ticker = Ticker(word(1)), .unpriced_since = now_.wall});
        } else if (what == "wait") {
            wait(std::chrono::milliseconds{std::stoi(word(1))});
        } else {
            throw std::invalid_argument(what);
        }
    }

    void join(const std::vector<std::string>& event) {
        const auto peer = std::make_shared<Peer>(*this, event.at(1));
        LiveClient client{.peer = peer, .user_id = uuid(event.at(2))};
        for (std::size_t i = 3; i < event.size(); ++i) {
            if (event[i] == "sse") client.format = Format::server_sent_events;
            if (event[i] == "only") client.tickers.emplace({Ticker(event.at(i + 1))});
            if (event[i] == "after") {
                const auto other = peers_.find(event.at(i + 1));
                client.last_event_id = other == peers_.end() ? event[i + 1] : other->second->last_id;
            }
        }
        peers_[event[1]] = peer;
        names_.push_back(event[1]);
        core_->on_join(names_.size(), std::move(client), now_);
    }

    void set_unwatched(const std::vector<std::string>& event) {
        std::vector<WatchState> states;
        for (std::size_t i = 1; i < event.size(); ++i) {
            const std::size_t colon = event[i].find(':');
            states.push_back({Ticker(event[i].substr(0, colon)),
                              parse_unwatchable(event[i].substr(colon + 1)).value(), "why", now_.wall});
        }
        std::ranges::sort(states, {}, &WatchState::ticker);
        unwatched_ = std::make_shared<const std::vector<WatchState>>(std::move(states));
    }

    void count_alerts(const std::vector<std::string>& event) {
        AlertCounts counts{.user_id = uuid(event.at(1)), .failed = event.at(2) == "failed"};
        for (std::size_t i = 2; i < event.size() && !counts.failed; ++i) {
            const std::size_t colon = event[i].find(':');
            counts.counts.push_back(
                {Ticker(event[i].substr(0, colon)), std::stoul(event[i].substr(colon + 1))});
        }
        core_->on_alert_counts(counts, now_);
    }

    bool ask(Lookup lookup) {
        std::sort(lookup.ids.begin(), lookup.ids.end());
        std::string text = fmt::format("look up {}:", number_of(lookup.user_id));
        for (const auto& [id, fired] : lookup.ids) {
            text += fmt::format(" {}{}", number_of(id), fired ? "!" : "");
        }
        if (lookup.more) text += " and more";
        if (lookup.since) {
            const Duration ago = now_.wall - *lookup.since;
            text += fmt::format(" of the last {} s", ago / std::chrono::seconds{1});
        }
        line(text + (full_ ? " (refused)" : ""));
        if (!full_) asked_ = std::move(lookup);
        return !full_;
    }

    void answer(const std::vector<std::string>& event) {
        Found found;
        found.asked = asked_;
        found.failed = event[0] == "failed";
        for (std::size_t i = 1; i < event.size(); ++i) {
            if (event[i] == "too-many") {
                found.too_many = true;
                continue;
            }
            const std::size_t colon = event[i].find(':');
            const std::string id = event[i].substr(0, colon);
            std::string state = event[i].substr(colon + 1);
            if (id == "created" || id == "changed") {
                (id == "created" ? found.created : found.changed).emplace_back().id = uuid(state);
                continue;
            }
            if (id == "deleted") {
                found.deleted.push_back(uuid(state));
                continue;
            }
            DeliveryView view;
            view.id = view.alert_id = uuid(id);
            if (const std::size_t slash = id.find('/'); slash != id.npos) {
                view.alert_id = uuid(id.substr(slash + 1));
                view.firing.emplace().delivery_id = view.id;
            }
            if (state.ends_with('!')) {
                state.pop_back();
                found.fired.emplace_back().id = view.alert_id;
                found.new_firings.insert(view.id);
            }
            view.state = parse_delivery_state(state).value();
            found.deliveries.push_back(std::move(view));
        }
        core_->on_found(found, now_);
    }

    void wait(Duration d) {
        const MonoTime end = now_.mono + d;
        while (core_->next_look() && *core_->next_look() <= end) {
            move_to(*core_->next_look());
            core_->on_time(now_);
        }
        move_to(end);
    }
    void move_to(MonoTime at) {
        now_.wall += std::chrono::duration_cast<Duration>(at - now_.mono);
        now_.mono = at;
    }

    static std::string summary(const std::string& text) {
        if (text == ": ping\n\n") return "comment";
        std::smatch match;
        std::string out;
        const auto type_is = [&](const char* type) {
            return text.find(fmt::format(R"({{"type":"{}")", type)) != std::string::npos;
        };
        if (type_is("prices")) {
            out = "prices";
            static const std::regex price(R"re("([A-Z]+)":(?:null|\{"price":([0-9.]+)))re");
            for (std::sregex_iterator i(text.begin(), text.end(), price); i != std::sregex_iterator{}; ++i) {
                out += fmt::format(" {}={}", i->str(1), (*i)[2].matched ? i->str(2) : "none");
            }
        } else if (type_is("watch") || type_is("unwatched")) {
            out = type_is("watch") ? "watch" : "unwatched";
            static const std::regex state(
                R"re("([A-Z]+)":(?:null|\{(?:"watched":(true|false),?)?(?:"state":"(\w+)")?))re");
            for (std::sregex_iterator i(text.begin(), text.end(), state); i != std::sregex_iterator{}; ++i) {
                const std::string word = (*i)[3].matched ? i->str(3) : i->str(2);
                out += fmt::format(" {}={}", i->str(1), word.empty() ? "null" : word);
            }
        } else if (type_is("blind")) {
            out = "blind";
            static const std::regex one(
                R"re("([A-Z]+)":(?:(null)|\{"since":"[^"]*T([0-9:.]+)Z","reason":"(\w+)","alerts":(\d+)\}))re");
            for (std::sregex_iterator i(text.begin(), text.end(), one); i != std::sregex_iterator{}; ++i) {
                out += (*i)[2].matched
                           ? fmt::format(" {}=null", i->str(1))
                           : fmt::format(" {}={},{},{}", i->str(1), i->str(3), i->str(4), i->str(5));
            }
        } else if (type_is("alert_created") || type_is("alert_changed")) {
            static const std::regex body(R"re("alert":"(\d+))re");
            if (std::regex_search(text, match, body))
                out = match[1].str() + (type_is("alert_created") ? " created" : " changed");
        } else if (type_is("alert_deleted")) {
            static const std::regex body(R"re("alert_id":"[-0-9a-f]*([0-9a-f]{2})"\})re");
            if (std::regex_search(text, match, body))
                out = std::to_string(std::stoi(match[1].str(), nullptr, 16)) + " deleted";
        } else if (type_is("delivery") || type_is("alert_fired")) {
            static const std::regex body(R"re("(?:delivery|alert)":"([^"]*)"(?:,"firing":"([^"]*)")?)re");
            if (std::regex_search(text, match, body))
                out = match[1].str() + (match[2].matched ? " " + match[2].str() : "");
        } else if (!type_is("sources") && !type_is("quotes")) {
            static const std::regex other(R"re(\{"type":"(\w+)"(?:.*"code":(\d+))?)re");
            if (std::regex_search(text, match, other)) {
                out = match[1].str() + (match[2].matched ? " " + match[2].str() : "");
            }
        }
        if (text.starts_with("event: ") && !out.empty()) out += " (event)";
        return out;
    }
    void note_id(Peer& peer, const std::string& text) {
        static const std::regex id(R"re("(?:id|last_event_id)":"([^"]+)")re");
        if (std::smatch match; std::regex_search(text, match, id)) peer.last_id = match[1];
    }
    void line(const std::string& text) { out_ += text + "\n"; }

    static Uuid uuid(const std::string& number) {
        Uuid out;
        out.bytes[15] = static_cast<std::uint8_t>(std::stoi(number));
        return out;
    }
    static int number_of(const Uuid& id) { return id.bytes[15]; }
    LiveCore::ClientId id_of(const std::string& name) const {
        for (std::size_t i = names_.size(); i > 0; --i) {
            if (names_[i - 1] == name) return i;
        }
        return 0;
    }
    std::string name_of(LiveCore::ClientId id) const { return names_.at(id - 1); }

    LiveOptions options_;
    std::set<Ticker> unlisted_;
    std::shared_ptr<const std::vector<WatchState>> unwatched_ =
        std::make_shared<const std::vector<WatchState>>();
    bool may_look_ = true;
    std::unique_ptr<bus::PriceBus> bus_;
    std::unique_ptr<LiveCore> core_;
    std::map<std::string, std::shared_ptr<Peer>> peers_;
    std::vector<std::string> names_;  // by id, from 1
    Lookup asked_;
    bool full_ = false;
    Moment now_{Timestamp{std::chrono::seconds{1'700'000'000}}, MonoTime{std::chrono::hours{1}}};
    std::uint64_t sequence_ = 0;
    int counts_asked_ = 0;
    std::string out_;
};

}  // namespace pricewire::live

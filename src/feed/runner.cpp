#include "feed/runner.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "base/text.hpp"

namespace pricewire::feed {

using namespace std::chrono_literals;

namespace {

constexpr Duration answer_timeout = 10s;

}  // namespace

Runner::Runner(const Surroundings& around, const SourceOptions& source, std::unique_ptr<Venue> venue,
               const SessionOptions& session, Pace& pace,
               std::function<void(const Runner&, const OverheardAnswer&)> answered)
    : around_(around),
      venue_(std::move(venue)),
      api_key_(source.api_key),
      key_header_(api_key_.empty() || type().rest.key_header == nullptr
                      ? std::string_view()
                      : type().rest.key_header(source.rest_url)),
      answered_(std::move(answered)),
      rng_(std::random_device{}()),
      session_(*venue_, session, rng_, &around.neighbours, &pace),
      status_(session_.status()) {}

Runner::~Runner() {
    if (timer_) around_.loop.cancel(*timer_);
}

void Runner::start() {
    if (around_.options.tap != nullptr) around_.options.tap->hide(api_key_);
    act(session_.start(now()));
}

void Runner::stop() {
    act(session_.stop(now()));
    if (timer_) around_.loop.cancel(*std::exchange(timer_, std::nullopt));
}

SourceStatus Runner::status() const {
    SourceStatus copy;
    {
        MutexLock lock(status_mutex_);
        copy = status_;
    }
    if (const std::int64_t at = last_quote_at_.load(std::memory_order_relaxed); at != 0) {
        copy.last_quote_at = from_micros(at);
    }
    for (std::size_t kind = 0; kind < parse_error_kinds; ++kind) {
        copy.left_out[kind] = session_.left_out(static_cast<ParseError::Kind>(kind));
    }
    copy.lost_trades = session_.lost_trades();
    copy.lost_frames = session_.lost_frames();
    copy.connections = session_.connections();
    return copy;
}

// One that fails must not take the others with it, the timer above all.
void Runner::act(Session::Actions actions) {
    for (const Action& action : actions) {
        try {
            std::visit([this](const auto& a) { this->run(a); }, action);
        } catch (const std::exception& e) {
            if (failures_.take(around_.clock.mono())) {
                log::error("a source's step failed; the source continues",
                           {{"source", std::string(type().name.view())}, {"reason", e.what()}});
            }
            if (const auto* open = std::get_if<OpenStream>(&action)) unopened(open->stream, e.what());
            if (const auto* ask = std::get_if<AskAddress>(&action)) unopened(ask->stream, e.what());
            if (const auto* start = std::get_if<StartRequest>(&action)) unasked(start->request, e.what());
        }
    }
}

void Runner::unopened(int stream, std::string why) {
    around_.loop.post([this, alive = std::weak_ptr<int>(alive_), stream, why = std::move(why)] {
        if (alive.lock()) act(session_.stream_closed(stream, {.reason = why}, now()));
    });
}

void Runner::unasked(std::uint64_t request, std::string why) {
    around_.loop.post([this, alive = std::weak_ptr<int>(alive_), request, why = std::move(why)] {
        net::HttpResult result;
        result.error = net::HttpError::connect;
        result.error_text = why;
        if (alive.lock()) act(session_.answered(request, result, now()));
    });
}

void Runner::run(const OpenStream& open) {
    const int id = open.stream;
    net::WsClientHandler handler;
    handler.on_open = [this, id] { act(session_.stream_opened(id, now())); };
    if (around_.options.tap != nullptr) {
        hide_token(open.url);
        connections_[id] = around_.options.tap->connected(type().name);
    }
    handler.on_text = [this, id](std::string_view text) {
        const Moment at = now();
        tap(id, false, text, at);
        act(session_.stream_text(id, text, at));
    };
    handler.on_binary = [this, id](std::string_view bytes) {
        const Moment at = now();
        tap(id, false, bytes, at, true);
        act(session_.stream_binary(id, bytes, at));
    };
    handler.on_ping = [this, id] { act(session_.stream_ping(id, now())); };
    handler.on_closed = [this, id](const net::WsClosed& closed) {
        forget(id);
        act(session_.stream_closed(id, closed, now()));
    };
    net::WsClientOptions ws;
    ws.url = open.url;
    ws.verify_tls = around_.options.verify_tls;
    ws.ca_file = around_.options.ca_file;
    streams_[id] = around_.options.open_websocket(around_.loop, ws, std::move(handler));
}

void Runner::run(const AskAddress& ask) {
    net::HttpRequest request = request_to(ask.url);
    if (ask.post) request.method = "POST";
    fetch(std::move(request), [this, id = ask.stream](const net::HttpResult& result) {
        act(session_.address_answered(id, result, now()));
    });
}

void Runner::run(const SendText& send) {
    const auto found = streams_.find(send.stream);
    if (found == streams_.end()) return;
    tap(send.stream, true, send.text, now());
    found->second->send_text(send.text);
}

void Runner::run(const SendPing& ping) {
    if (const auto found = streams_.find(ping.stream); found != streams_.end()) found->second->send_ping();
}

void Runner::run(const StartRequest& start) {
    net::HttpRequest request = request_to(start.url);
    if (!key_header_.empty()) request.headers.emplace_back(key_header_, api_key_);
    fetch(std::move(request),
          [this, start, at = now()](const net::HttpResult& result) { take_answer(start, at, result); });
    if (type().stream.url.empty()) tap(0, true, start.url, now());
}

net::HttpRequest Runner::request_to(const std::string& url) const {
    net::HttpRequest request;
    request.url = url;
    request.headers.emplace_back("Accept", "application/json");
    request.timeout = answer_timeout;
    request.max_response_bytes = type().rest.max_answer;
    request.verify_tls = around_.options.verify_tls;
    return request;
}

// `take` gets the answer on the loop's thread, unless the runner is gone by then.
template <typename Take>
void Runner::fetch(net::HttpRequest request, Take take) {
    around_.http.start(std::move(request), [&loop = around_.loop, take, alive = std::weak_ptr<int>(alive_)](
                                               net::HttpResult result) mutable {
        loop.post([take, alive = std::move(alive), r = std::move(result)] {
            if (alive.lock()) take(r);
        });
    });
}

void Runner::take_answer(const StartRequest& request, Moment asked_at, const net::HttpResult& result) {
    const Moment at = now();
    // Answers are the frames of a venue that has no stream.
    if (type().stream.url.empty() && result.status == 200) tap(0, false, result.body, at);
    act(session_.answered(request.request, result, at));
    if (result.error == net::HttpError::none && result.status == 200 && !result.truncated)
        answered_(*this, {request.url, result.body, asked_at});
}

void Runner::run(const SetTimer& set) {
    if (timer_) around_.loop.cancel(*timer_);
    const auto wait = std::max<Duration>(std::chrono::ceil<Duration>(set.at - around_.clock.mono()), 0s);
    timer_ = around_.loop.after(wait, [this] {
        timer_.reset();
        act(session_.timer(now()));
    });
}

void Runner::run(const PublishQuotes& publish) {
    if (const auto at = session_.status().last_quote_at)
        last_quote_at_.store(to_micros(*at), std::memory_order_relaxed);
    around_.on_quotes(publish.quotes);
}

void Runner::run(const LogLine& line) {
    if (line.reason.empty()) {
        log::write(line.level, line.message);
    } else {
        log::write(line.level, line.message, {{"reason", line.reason}});
    }
}

void Runner::run(const ReportStatus& report) {
    MutexLock lock(status_mutex_);
    status_ = report.status;
}

void Runner::forget(int stream) {
    streams_.erase(stream);
    connections_.erase(stream);
}

void Runner::tap(int stream, bool is_out, std::string_view bytes, Moment at, bool is_binary) {
    if (around_.options.tap == nullptr) return;
    const auto found = connections_.find(stream);
    around_.options.tap->pass({.venue = type().name,
                               .connection = found == connections_.end() ? 1 : found->second,
                               .is_out = is_out,
                               .is_binary = is_binary,
                               .bytes = bytes,
                               .at = at.wall});
}

// In an address that the venue hands out.
void Runner::hide_token(std::string_view url) {
    if (!venue_->address_request()) return;
    take_part(url, '?');
    for (const std::string_view item : split_list(url, '&')) {
        const std::string_view value = item.substr(item.find('=') + 1);
        around_.options.tap->hide(std::string(value));
        around_.options.tap->hide(percent_decode(value));
    }
}

}  // namespace pricewire::feed

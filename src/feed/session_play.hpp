#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "feed/session.hpp"

namespace pricewire::feed {

// Plays a session without sockets: a test makes events happen and reads the actions, one line each, with the
// seconds since the start. Timers fire by themselves while time passes.
class Play {
public:
    Play(const VenueType& type, std::vector<std::string> tickers, Endpoints endpoints,
         SessionOptions options = {}) {
        std::vector<Instrument> instruments;
        for (const std::string& t : tickers) instruments.push_back({Ticker(t), *type.symbol_of(Ticker(t))});
        venue_ = type.create(std::move(instruments), endpoints);
        session_ = std::make_unique<Session>(*venue_, options, *rng_);
    }
    explicit Play(std::unique_ptr<Venue> venue, SessionOptions options = {}, Neighbours* neighbours = nullptr)
        : venue_(std::move(venue)) {
        session_ = std::make_unique<Session>(*venue_, options, *rng_, neighbours);
    }

    void start() { write(session_->start(now_)); }
    void stop() { write(session_->stop(now_)); }
    void watch(const std::string& ticker) { watch(ticker, ticker); }
    void watch(const std::string& ticker, const std::string& symbol) {
        write(session_->watch({Ticker(ticker), symbol}, now_));
    }
    void unwatch(const std::string& ticker) { write(session_->unwatch(Ticker(ticker), now_)); }
    void address(int stream, int status, std::string body) {
        net::HttpResult result;
        result.status = status;
        result.body = std::move(body);
        write(session_->address_answered(stream, result, now_));
    }
    void opened(int stream) { write(session_->stream_opened(stream, now_)); }
    void text(int stream, std::string_view text) { write(session_->stream_text(stream, text, now_)); }
    void binary(int stream, std::string_view bytes) { write(session_->stream_binary(stream, bytes, now_)); }
    void ping(int stream) { write(session_->stream_ping(stream, now_)); }
    void closed(int stream, std::string reason) {
        write(session_->stream_closed(stream, {.reason = std::move(reason)}, now_));
    }
    void refused(int stream, int status, std::string retry_after = {}, std::string body = {}) {
        write(session_->stream_closed(
            stream, {status, std::move(retry_after), std::move(body), "the upgrade was refused"}, now_));
    }
    // To the last request.
    void answer(int status, std::string body, std::string retry_after = {}) {
        net::HttpResult result;
        result.status = status;
        result.body = std::move(body);
        if (!retry_after.empty()) result.headers.emplace_back("retry-after", retry_after);
        write(session_->answered(request_, result, now_));
    }
    void no_answer(std::string why) {
        net::HttpResult result;
        result.error = net::HttpError::timeout;
        result.error_text = std::move(why);
        write(session_->answered(request_, result, now_));
    }
    void trade(int stream, const std::string& symbol, const std::string& price) {
        const std::string lower = lower_case(symbol);
        text(
            stream,
            fmt::format(
                R"({{"stream":"{}@trade","data":{{"e":"trade","E":1,"s":"{}","t":0,"p":"{}","q":"1","T":{}}}}})",
                lower, symbol, price, to_micros(now_.wall) / 1000));
    }

    void wait(Duration d) {
        const MonoTime end = now_.mono + d;
        while (timer_ && *timer_ <= end) {
            move_to(*std::exchange(timer_, std::nullopt));
            write(session_->timer(now_));
        }
        move_to(end);
    }

    // The actions since the last call.
    std::string done() { return std::exchange(out_, {}); }
    int count(std::string_view part) const {
        int n = 0;
        for (std::size_t at = 0; (at = out_.find(part, at)) != std::string::npos; at += part.size()) ++n;
        return n;
    }
    const SourceStatus& status() const { return session_->status(); }
    // Warnings since the start that hold `part`.
    int warned(std::string_view part) const {
        return static_cast<int>(std::ranges::count_if(
            warnings_, [&](const std::string& line) { return line.find(part) != std::string::npos; }));
    }
    // By the last event that brought any.
    const std::vector<Quote>& published() const { return published_; }
    Session& session() { return *session_; }
    Moment now() const { return now_; }
    Duration since_start() const { return std::chrono::duration_cast<Duration>(now_.mono - start_); }

private:
    void move_to(MonoTime at) {
        if (at <= now_.mono) return;
        now_.wall += std::chrono::duration_cast<Duration>(at - now_.mono);
        now_.mono = at;
    }

    void write(Session::Actions actions) {
        for (const Action& action : actions) std::visit([this](const auto& a) { show(a); }, action);
    }
    void line(const std::string& text) {
        const auto tenths = since_start().count() / 100'000;
        out_ += fmt::format("{}.{} {}\n", tenths / 10, tenths % 10, text);
    }
    void show(const OpenStream& a) { line(fmt::format("open {} {}", a.stream, a.url)); }
    void show(const AskAddress& a) {
        line(fmt::format("{} for {}: {}", a.post ? "POST" : "GET", a.stream, a.url));
    }
    void show(const SendText& a) { line(fmt::format("send {} {}", a.stream, a.text)); }
    void show(const SendPing& a) { line(fmt::format("ping {}", a.stream)); }
    void show(const CloseStream& a) { line(fmt::format("close {}", a.stream)); }
    void show(const StartRequest& a) {
        request_ = a.request;
        const std::size_t path = a.url.find('/', 8);
        line(fmt::format("GET {}", a.url.substr(path)));
    }
    void show(const SetTimer& a) { timer_ = a.at; }
    void show(const PublishQuotes& a) {
        published_.assign(a.quotes.begin(), a.quotes.end());
        for (const Quote& q : a.quotes)
            line(fmt::format("{}quote {} {}", q.is_live ? "" : "old ", q.ticker.view(), q.price.to_string()));
    }
    void show(const LogLine& a) {
        if (a.level == log::Level::warn) warnings_.push_back(a.message);
        constexpr const char* names[] = {"debug", "info", "warn", "error"};
        line(fmt::format("{}: {}{}", names[static_cast<int>(a.level)], a.message,
                         a.reason.empty() ? "" : " | " + a.reason));
    }
    void show(const ReportStatus& a) {
        line(fmt::format("{}{}", to_string(a.status.state),
                         a.status.detail.empty() ? "" : " (" + a.status.detail + ")"));
    }

    std::unique_ptr<Rng> rng_ = std::make_unique<Rng>(7);
    std::unique_ptr<Venue> venue_;
    std::unique_ptr<Session> session_;
    MonoTime start_{std::chrono::hours{1}};
    Moment now_{Timestamp{std::chrono::seconds{1'700'000'000}}, start_};
    std::optional<MonoTime> timer_;
    std::uint64_t request_ = 0;
    std::vector<Quote> published_;
    std::vector<std::string> warnings_;
    std::string out_;
};

}  // namespace pricewire::feed

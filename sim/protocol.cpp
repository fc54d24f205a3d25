#include "sim/protocol.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <stdexcept>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace pricewire::sim {
namespace {

std::atomic<std::int64_t> clock_offset = 0;  // us; one for all simulators of a process

}  // namespace

std::string query_value(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        std::string_view value = take_part(query, '&');
        if (take_part(value, '=') == name) return percent_decode(value);
    }
    return {};
}

std::int64_t query_number(std::string_view query, std::string_view name, std::int64_t otherwise) {
    return parse_number<std::int64_t>(query_value(query, name)).value_or(otherwise);
}

std::size_t query_count(std::string_view query, std::string_view name, std::size_t otherwise,
                        std::size_t most) {
    const std::int64_t count = query_number(query, name, static_cast<std::int64_t>(otherwise));
    return static_cast<std::size_t>(std::clamp<std::int64_t>(count, 1, static_cast<std::int64_t>(most)));
}

SimTime query_time(std::string_view query, std::string_view name, std::chrono::milliseconds unit,
                   SimTime otherwise) {
    const auto count = parse_number<std::int64_t>(query_value(query, name));
    return count ? SimTime{unit * *count} : otherwise;
}

boost::json::object parse_object(std::string_view text) {
    boost::system::error_code error;
    auto parsed = boost::json::parse({text.data(), text.size()}, error);
    return !error && parsed.is_object() ? std::move(parsed.as_object()) : boost::json::object{};
}

std::string text_of(const boost::json::object& object, std::string_view name) {
    const auto* member = object.if_contains({name.data(), name.size()});
    return member != nullptr && member->is_string() ? std::string(member->as_string()) : std::string();
}

const boost::json::array* list_of(const boost::json::object& object, std::string_view name) {
    const auto* member = object.if_contains({name.data(), name.size()});
    return member != nullptr ? member->if_array() : nullptr;
}

std::string base_of(std::string_view symbol) {
    return std::string(symbol.ends_with("USDT") ? symbol.substr(0, symbol.size() - 4) : symbol);
}

bool SymbolStream::subscribe(const std::string& symbol, bool is_wanted) {
    // What is not listed any more can still be left.
    if (!is_wanted) return symbols_.erase(symbol) > 0 || market_.lists(symbol);
    if (!market_.lists(symbol)) return false;
    symbols_.insert(symbol);
    return true;
}

SimTime now() {
    return std::chrono::system_clock::now() + std::chrono::microseconds{clock_offset};
}
void move_clock(std::chrono::microseconds by) {
    clock_offset += by.count();
}

std::int64_t unix_ms() {
    return unix_ms(now());
}
std::int64_t unix_ms(std::chrono::system_clock::time_point at) {
    return unix_ns(at) / 1'000'000;
}
std::int64_t unix_us(std::chrono::system_clock::time_point at) {
    return unix_ns(at) / 1000;
}
std::int64_t unix_ns(std::chrono::system_clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}
std::string iso_time(std::chrono::system_clock::time_point at) {
    return format_rfc3339(from_micros(unix_us(at)));
}

std::chrono::seconds step_of(std::string_view word, std::string_view minute, std::string_view hour) {
    if (word == minute) return std::chrono::minutes{1};
    return word == hour ? std::chrono::hours{1} : std::chrono::hours{24};
}

std::vector<SimCandle> newest_candles(const SimMarket& market, std::string_view symbol,
                                      std::chrono::seconds interval, std::size_t count) {
    const SimTime end = now();
    return last_of(
        market.candles(symbol, interval, end - interval * static_cast<std::int64_t>(count + 1), end), count);
}

std::vector<SimTrade> trades_before(const SimMarket& market, std::string_view symbol, SimTime until,
                                    std::size_t count) {
    std::vector<SimTrade> trades;
    for (auto span = std::chrono::seconds{60}; span <= std::chrono::hours{24}; span *= 24) {
        trades = market.past_trades(symbol, until - span, until, 1'000'000);
        if (trades.size() >= count) break;
    }
    return last_of(std::move(trades), count);
}

std::string html_page() {
    return "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>"
           "<body><h1>Sorry, you have been blocked</h1></body></html>";
}

net::ServerResponse refusal(const Fault& fault) {
    if (fault.kind == Fault::Kind::html) {
        return {.status = 403, .content_type = "text/html; charset=UTF-8", .body = html_page()};
    }
    if (fault.kind == Fault::Kind::blocked) {
        return {.status = 403,
                .content_type = "text/html",
                .body =
                    "<HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY>"
                    "<H1>403 ERROR</H1>The Amazon CloudFront distribution is configured to block access "
                    "from your country.</BODY></HTML>"};
    }
    net::ServerResponse response{.status = fault.status};
    if (!fault.argument.empty()) response.headers.emplace_back("Retry-After", fault.argument);
    if (fault.status == 418 || fault.status == 429) {
        const auto ban_seconds = parse_number<std::int64_t>(fault.argument).value_or(120);
        response.body = R"({"code":-1003,"msg":"Way too much request weight used; IP banned until )" +
                        std::to_string(unix_ms() + ban_seconds * 1000) +
                        R"(. Please use WebSocket Streams for live updates to avoid bans."})";
    } else if (fault.status == 451) {
        response.body =
            R"({"code":0,"msg":"Service unavailable from a restricted location according to 'b. Eligibility'."})";
    } else {
        response.content_type = "text/plain";
        response.body = fmt::format("error code: {}\n", fault.status);
    }
    return response;
}

std::optional<net::ServerResponse> under_fault(const SimVenue& venue, const Fault& fault,
                                               net::ServerResponse response) {
    using Kind = Fault::Kind;
    switch (fault.kind) {
        case Kind::cut:
        case Kind::silence:
            return std::nullopt;
        case Kind::garbage:
            return net::ServerResponse{.body = "\x7f{{[not json"};
        case Kind::shape:
            return net::ServerResponse{.body = R"([{"unexpected":{"price":[]}}])"};
        case Kind::html:
            return net::ServerResponse{.content_type = "text/html; charset=UTF-8", .body = html_page()};
        case Kind::status:
        case Kind::blocked:
            return refusal(fault);
        case Kind::error200:
            return net::ServerResponse{.body = std::string(venue.error_body)};
        case Kind::maintenance:
            if (venue.maintenance_body.empty()) return refusal({Kind::status, 503, {}});
            return net::ServerResponse{.body = std::string(venue.maintenance_body)};
        default:
            return response;
    }
}

Decimal times(Decimal price, double factor) {
    if (factor == 1) return price;
    if (factor == 10) return Decimal::from_raw(price.raw() * 10);
    return to_price(price.to_double() * factor);
}

bool mentions(std::string_view text, std::string_view base) {
    const std::string lower = lower_case(text);
    const std::string name = lower_case(base);
    const auto is_letter = [&](std::size_t at) {
        return at < lower.size() && lower[at] >= 'a' && lower[at] <= 'z';
    };
    for (std::size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        const bool begins = at == 0 || !is_letter(at - 1) || (at >= 2 && lower.substr(at - 2, 2) == "\"t");
        const bool ends = !is_letter(end) || lower.substr(end, 2) == "us";
        if (begins && ends) return true;
    }
    return false;
}

std::string gzipped(std::string_view text) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("zlib does not start");
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

}  // namespace pricewire::sim

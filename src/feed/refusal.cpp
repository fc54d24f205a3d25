#include "feed/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/backoff.hpp"
#include "base/http_date.hpp"
#include "base/text.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

constexpr Duration shortest = 1s;
constexpr Duration longest = std::chrono::hours{72};

// White space and control characters.
std::string_view trimmed_body(std::string_view text) {
    while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
    return text;
}

// Binance: {"code":-1003,"msg":"Way too much request weight used; IP banned until 1787546698129. …"}
std::optional<Duration> banned_for(std::string_view body, Timestamp now) {
    constexpr std::string_view words = "banned until ";
    const std::size_t at = body.find(words);
    if (at == std::string_view::npos) return std::nullopt;
    body.remove_prefix(at + words.size());
    const std::size_t digits = std::min(body.find_first_not_of("0123456789"), body.size());
    const auto ms = parse_number<std::int64_t>(body.substr(0, digits));
    if (!ms || *ms > 4'102'444'800'000) return std::nullopt;
    return std::max(Duration{0}, Timestamp{std::chrono::milliseconds{*ms}} - now);
}

// Cloudflare's own answers are the bare text "error code: 1015". Below 1000 are statuses: that of a venue which
// Cloudflare cannot reach is a failure, no refusal.
std::optional<int> cloudflare_code(std::string_view body) {
    constexpr std::string_view words = "error code: ";
    body = trimmed_body(body);
    if (!body.starts_with(words)) return std::nullopt;
    const auto code = parse_number<int>(body.substr(words.size()));
    return code >= 1000 ? code : std::nullopt;
}

// Whether the body of a 403 says that the location is the reason.
bool names_place(std::string_view text) {
    // CloudFront, at Bybit: "configured to block access from your country"; its firewall's page names no
    // place. Cloudflare's 1009: "has banned the country or region your IP address is in". Binance: "from a
    // restricted location". KuCoin: "currently unavailable in the U.S."
    static constexpr std::array<std::string_view, 11> phrases{
        "your country",        "your region",         "your location",       "country or region",
        "restricted location", "restricted country",  "restricted region",   "your jurisdiction",
        "geo-restrict",        "unsupported country", "unavailable in the u"};
    return std::ranges::any_of(phrases,
                               [&](std::string_view p) { return text.find(p) != std::string::npos; });
}

bool says_too_often(std::string_view text) {
    return text.find("too frequent") != std::string::npos || text.find("too many") != std::string::npos ||
           text.find("rate limit") != std::string::npos;
}

std::string status_text(int status) {
    switch (status) {
        case 403:
            return "403 Forbidden: a firewall of the venue refuses this address";
        case 418:
            return "418: the venue has banned this address for too many requests";
        case 429:
            return "429 Too Many Requests";
        default:
            return fmt::format("status {}", status);
    }
}

}  // namespace

std::optional<Refusal> judge_refusal(int status, std::string_view retry_after, std::string_view body,
                                     Timestamp now, int repeats) {
    std::optional<Duration> asked = parse_retry_after(retry_after, now);
    if (const auto banned = banned_for(body, now)) asked = std::max(asked.value_or(Duration{0}), *banned);

    std::string why = status_text(status);
    const std::string said = status == 403 ? lower_case(body.substr(0, 16 * 1024)) : std::string();
    const bool too_often = says_too_often(said);
    bool by_place = status == 451 || (names_place(said) && !too_often);
    if (by_place) why = fmt::format("not available from here (status {})", status);
    if (const auto code = cloudflare_code(body); code == 1009) {
        by_place = true;
        why = "not available from here (Cloudflare's error 1009)";
    } else if (code) {
        status = *code == 1015 ? 429 : 403;
        why = fmt::format("Cloudflare's error {} ({})", *code,
                          *code == 1015 ? "too many requests" : "access denied");
    }

    BackoffPolicy unsaid{};
    if (by_place) {
        unsaid = {1h, 1h};
        asked = std::max<Duration>(asked.value_or(Duration{0}), 1h);
    } else if (status == 429) {
        unsaid = {1min, 1h};
    } else if (status == 418) {
        unsaid = {2min, 6h};
    } else if (status == 403 && too_often) {
        why = "403 Forbidden: the venue says that requests come too often";
        unsaid = {10min, 1h};
    } else if (status == 403) {
        unsaid = {5min, 1h};
    } else if (status >= 200 && status < 300) {
        if (!trimmed_body(body).starts_with('<')) return std::nullopt;
        why = "an HTML page instead of JSON";
        unsaid = {1min, 15min};
    } else if (status >= 400 && asked) {
        unsaid = {shortest, 1min};
    } else {
        return std::nullopt;
    }
    // A repeated "Retry-After: 1" does not mean one request a second.
    const BackoffPolicy patience{shortest, 1min};
    const Duration wait =
        asked ? std::max(*asked, patience.ceiling(repeats + 1)) : unsaid.ceiling(repeats + 1);
    return Refusal{std::clamp(wait, shortest, longest), std::move(why), by_place};
}

std::string about(Duration wait) {
    if (wait < 2min) return fmt::format("{} s", std::chrono::ceil<std::chrono::seconds>(wait).count());
    if (wait < 2h) return fmt::format("{} min", std::chrono::ceil<std::chrono::minutes>(wait).count());
    return fmt::format("{} h", std::chrono::ceil<std::chrono::hours>(wait).count());
}

std::string snippet(std::string_view bytes) {
    bytes = trimmed(bytes, " \t\r\n");
    std::string text(bytes.substr(0, 120));
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    }
    if (bytes.size() > 120) text += "...";
    return text;
}

}  // namespace pricewire::feed

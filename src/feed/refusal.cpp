#include "feed/refusal.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace pricewire {
namespace {

using namespace std::chrono_literals;
constexpr Duration longest = 24h;

std::optional<Duration> ban_in(std::string_view body, Timestamp now) {
    constexpr std::string_view words = "banned until ";
    const std::size_t at = body.find(words);
    if (at == std::string_view::npos) return std::nullopt;
    body.remove_prefix(at + words.size());
    std::int64_t until_ms = 0;
    if (std::from_chars(body.data(), body.data() + body.size(), until_ms).ec != std::errc{})
        return std::nullopt;
    // Milliseconds since 1970; what is not within reach of our clock is no time.
    if (until_ms < 0 || until_ms > 10'000'000'000'000) return std::nullopt;
    return Timestamp{std::chrono::milliseconds{until_ms}} - now;
}

}  // namespace

std::optional<Duration> parse_retry_after(std::string_view text, Timestamp now) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error == std::errc{} && end == text.data() + text.size() && seconds >= 0) {
        return std::chrono::seconds{std::min<std::int64_t>(seconds, 365 * 86400)};
    }
    std::tm tm{};
    const std::string copy(text);
    if (strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &tm) == nullptr) return std::nullopt;
    return std::max<Duration>(Timestamp{std::chrono::seconds{timegm(&tm)}} - now, Duration::zero());
}

std::optional<Refusal> judge_refusal(int status, std::string_view retry_after, std::string_view body,
                                     Timestamp now) {
    Refusal refusal;
    switch (status) {
        case 429:
            refusal = {1min, "it asks for fewer requests (429)"};
            break;
        case 418:
            refusal = {5min, "it has banned this address for a while (418)"};
            break;
        case 403:
            refusal = {5min, "its firewall refuses this address (403)"};
            break;
        case 451:
            refusal = {1h, "it does not serve this country (451)"};
            break;
        case 503:
            if (retry_after.empty()) return std::nullopt;
            refusal = {1min, "it is out of service (503)"};
            break;
        default:
            return std::nullopt;
    }
    if (const auto named = parse_retry_after(retry_after, now); named && !retry_after.empty()) {
        refusal.wait = *named;
    } else if (const auto ban = ban_in(body, now)) {
        refusal.wait = *ban;
    }
    refusal.wait = std::clamp<Duration>(refusal.wait, 1s, longest);
    return refusal;
}

}  // namespace pricewire

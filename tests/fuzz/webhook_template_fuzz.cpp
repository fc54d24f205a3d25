// Templates of arbitrary bytes: the first line is the content type, the second a note, the rest the body. An
// accepted template renders within its size limit, the same each time, to UTF-8, and to JSON if the type is
// JSON, for any values; so does the rest as a message; and no chat message exceeds its service's limit.
#include <algorithm>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "base/utf8.hpp"
#include "webhook/chat_formats.hpp"
#include "webhook/media_type.hpp"
#include "webhook/template.hpp"

namespace {

using namespace pricewire;

void require(bool holds) {
    if (!holds) std::abort();
}

std::string_view take_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

webhook::TemplateValues values(std::string_view note, Decimal price) {
    return {.ticker = "BTC",
            .price = price,
            .target = Decimal::from_int(70'000),
            .condition = Condition::gt,
            .time = Timestamp{std::chrono::microseconds{1'735'787'045'678'901}},
            .alert_id = Uuid(),
            .note = std::string(note),
            .rule = std::string(webhook::max_rule_words, '%'),
            .firing = 3,
            .change = price.to_string() + "%",
            .anchor_price = price.is_positive() ? std::optional(price) : std::nullopt};
}

void check_rendered(const WebhookTemplate& t, std::string_view note, Decimal price) {
    const webhook::TemplateValues v = values(note, price);
    const std::string text = webhook::render(t, v);
    require(text == webhook::render(t, v));
    require(text.size() <= webhook::max_rendered_template);
    require(is_utf8(text));
    if (webhook::escaping_of(t.content_type) != webhook::Escaping::json) return;
    boost::json::error_code ec;
    boost::json::parse(text, ec);
    require(!ec);
}

void check_chats(std::string_view headline, std::string_view note) {
    const webhook::ChatMessage m{
        .headline = std::string(headline), .note = std::string(note), .time = "2025-01-02T03:04:05Z"};
    for (const auto& [body, member, limit] :
         {std::tuple{webhook::slack_body(m), "text", webhook::slack_limit},
          {webhook::discord_body(m), "content", webhook::discord_limit},
          {webhook::telegram_body(m, "1"), "text", webhook::telegram_limit}}) {
        const boost::json::value parsed = boost::json::parse(body);
        const auto& text = parsed.at(member).as_string();
        require(count_code_points({text.data(), text.size()}) <= limit);
    }
}

void check_message(std::string_view message, std::string_view note) {
    if (!webhook::check_message(message) || !webhook::check_note(note)) return;
    const std::string text = webhook::render_message(message, values(note, Decimal::from_int(1)));
    require(text.size() <= webhook::max_rendered_template);
    require(is_utf8(text));
    check_chats(text, note);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string content_type(take_line(rest));
    const std::string_view note = take_line(rest);
    const WebhookTemplate t{std::string(rest), content_type};
    check_chats("BTC rose above 1: 2", note);
    check_chats("BTC rose above 1: 2", rest);
    check_message(rest, note);
    const auto checked = webhook::check_template(t);
    if (!checked) {
        require(!checked.error().message.empty() && checked.error().message.size() < 1000);
        // Never sent, but rendering it must be safe.
        webhook::render(t, values(note, Decimal::from_int(1)));
        return 0;
    }
    const Decimal least = Decimal::from_raw(1);
    const Decimal most = Decimal::from_raw(static_cast<Decimal::Raw>(~Decimal::Unsigned{0} >> 1));
    std::string longest;
    for (std::size_t i = 0; i < webhook::max_note; ++i) longest += "😀";
    require(webhook::check_note(longest).has_value());
    check_rendered(t, longest, -most);
    check_rendered(t, "", least);
    check_rendered(t, "\"\\\n{{note}}\t]]></a>&'%u0041", Decimal::from_int(5));
    if (webhook::check_note(note)) check_rendered(t, note, most);
    const std::string_view start = first_code_points(rest, webhook::max_note);
    if (webhook::check_note(start)) check_rendered(t, start, least);
    return 0;
}

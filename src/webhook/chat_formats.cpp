#include "webhook/chat_formats.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "base/json_writer.hpp"
#include "base/text.hpp"
#include "base/utf8.hpp"

namespace pricewire::webhook {
namespace {

enum class Unit : std::uint8_t { code_points, utf16 };
// Writes one character into a message, escaped if necessary.
using Write = void (*)(std::string& out, std::string_view character);

void write_as_is(std::string& out, std::string_view character) {
    out += character;
}

void write_for_slack(std::string& out, std::string_view character) {
    if (character == "&") {
        out += "&amp;";
    } else if (character == "<") {
        out += "&lt;";
    } else if (character == ">") {
        out += "&gt;";
    } else {
        out += character;
    }
}

std::size_t utf16_units(std::string_view character) {
    return character.size() == 4 ? 2 : 1;
}

std::string_view next_character(std::string_view text) {
    return text.substr(0, std::max<std::size_t>(utf8_sequence(text), 1));
}

std::size_t count(std::string_view text, Unit unit) {
    if (unit == Unit::code_points) return count_code_points(text);
    std::size_t units = 0;
    while (!text.empty()) {
        const std::string_view character = next_character(text);
        units += utf16_units(character);
        text.remove_prefix(character.size());
    }
    return units;
}

// The start of `text`, written by `write`, that has at most `room` units; if that is not all, it ends with
// "…".
std::string fit(std::string_view text, std::size_t room, Unit unit, Write write) {
    std::string all;
    std::size_t units = 0;
    std::size_t cut_at = 0;  // where `all` is cut to leave room for the "…"
    while (!text.empty()) {
        const std::string_view character = next_character(text);
        text.remove_prefix(character.size());
        const std::size_t before = all.size();
        write(all, character);
        units += count(std::string_view(all).substr(before), unit);
        if (units < room) cut_at = all.size();
        if (units > room) {
            all.resize(cut_at);
            return all + "…";
        }
    }
    return all;
}

std::string chat_text(const ChatMessage& message, std::size_t limit, Unit unit, Write write) {
    // The time is ASCII, so a byte is a unit; there is a line break before it and one before the note.
    const std::size_t room = limit - message.time.size() - 2;
    std::string text = fit(message.headline, room, unit, write);
    const std::size_t used = count(text, unit);
    if (!message.note.empty() && used < room)
        text.append(1, '\n').append(fit(message.note, room - used, unit, write));
    if (!message.time.empty()) text.append(1, '\n').append(message.time);
    return text;
}

bool is_name_char(char c) {
    return is_alphanumeric(c) || c == '_';
}

bool is_chat_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    // 2^52 has 16 digits.
    return !text.empty() && text.size() <= 16 && text[0] != '0' &&
           std::all_of(text.begin(), text.end(), is_digit);
}

}  // namespace

std::string slack_body(const ChatMessage& message) {
    JsonWriter w;
    w.begin_object()
        .field("text", chat_text(message, slack_limit, Unit::utf16, write_for_slack))
        .end_object();
    return std::move(w).str();
}

std::string discord_body(const ChatMessage& message) {
    JsonWriter w;
    w.begin_object().field("content", chat_text(message, discord_limit, Unit::code_points, write_as_is));
    w.key("allowed_mentions").begin_object().key("parse").begin_array().end_array().end_object();
    w.end_object();
    return std::move(w).str();
}

std::string telegram_body(const ChatMessage& message, std::string_view chat_id) {
    JsonWriter w;
    w.begin_object().key("chat_id");
    if (is_chat_number(chat_id)) {
        w.raw(chat_id);
    } else {
        w.value(chat_id);
    }
    w.field("text", chat_text(message, telegram_limit, Unit::utf16, write_as_is)).end_object();
    return std::move(w).str();
}

std::string telegram_chat_id(std::string_view url) {
    url = url.substr(0, url.find('#'));
    take_part(url, '?');
    while (!url.empty()) {
        const std::string_view pair = take_part(url, '&');
        std::string_view value = pair;
        const std::string_view name = take_part(value, '=');
        if (name.size() < pair.size() && percent_decode(name) == "chat_id") return percent_decode(value);
    }
    return {};
}

bool is_telegram_chat_id(std::string_view text) {
    if (!text.starts_with('@')) return is_chat_number(text);
    text.remove_prefix(1);
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_name_char);
}

}  // namespace pricewire::webhook

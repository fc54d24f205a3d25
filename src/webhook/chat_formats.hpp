#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// The bodies that chat services expect. Pure, any thread. The text is headline, note and time, on a line
// each. What exceeds a service's limit is cut, from the note first, between two characters, and replaced by "…".
namespace pricewire::webhook {

struct ChatMessage {
    std::string headline;
    std::string note;  // may be empty
    std::string time;  // never cut: at most 30 characters, all ASCII
};

// Slack cuts a message at 40,000 characters and asks for at most 4,000, counted after escaping. It does not
// say what a character is; we count UTF-16 code units, of which there are never fewer than code points.
// Source: https://docs.slack.dev/reference/methods/chat.postMessage ("Truncating content")
constexpr std::size_t slack_limit = 4000;
// {"text":…}; & < > are escaped, so that Slack sees neither links nor mentions in it.
// Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
// https://docs.slack.dev/messaging/formatting-message-text ("Escaping text")
std::string slack_body(const ChatMessage& message);

// Code points. Sources: https://docs.discord.com/developers/resources/webhook ("Execute Webhook": content, up
// to 2000 characters); that code points are counted: https://github.com/discord/discord-api-docs/issues/1315
constexpr std::size_t discord_limit = 2000;
// {"content":…,"allowed_mentions":{"parse":[]}}: an @everyone in a note pings nobody.
// Source: https://docs.discord.com/developers/resources/message ("Allowed Mentions Object")
std::string discord_body(const ChatMessage& message);

// UTF-16 code units, in which Telegram measures entities. Reports differ on whether this limit counts them or
// code points; there are never fewer of the former. Source: https://core.telegram.org/bots/api#sendmessage
// (text, 1-4096 characters)
constexpr std::size_t telegram_limit = 4096;
// {"chat_id":…,"text":…}, without parse_mode: the text is shown unformatted. `chat_id` is written as a number
// if it is one.
std::string telegram_body(const ChatMessage& message, std::string_view chat_id);

// The first chat_id in a URL's query, decoded; empty if it has none.
std::string telegram_chat_id(std::string_view url);
// A chat's number (negative for groups, at most 52 bits, by https://core.telegram.org/bots/api#chat) or the
// "@username" of a channel.
bool is_telegram_chat_id(std::string_view text);

}  // namespace pricewire::webhook

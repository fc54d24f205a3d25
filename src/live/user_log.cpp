#include "live/user_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/json_writer.hpp"
#include "base/text.hpp"

namespace pricewire::live {
namespace {

std::string key_of(std::string_view type, const Uuid& subject) {
    return fmt::format("{} {}", type, subject.to_string());
}

// Reads and removes a number at the front of `text`, up to a dot or the end.
template <typename T>
bool take_number(std::string_view& text, int base, T& out) {
    const auto value = parse_number<T>(take_part(text, '.'), base);
    out = value.value_or(0);
    return value.has_value();
}

}  // namespace

std::string EventId::to_string() const {
    return fmt::format("{}.{:08x}.{}", to_micros(time), run, number);
}

std::optional<EventId> EventId::parse(std::string_view text) {
    if (text.size() > 60) return std::nullopt;
    std::int64_t micros = 0;
    EventId out;
    if (!take_number(text, 10, micros) || micros < 0 || !take_number(text, 16, out.run) ||
        !take_number(text, 10, out.number) || !text.empty()) {
        return std::nullopt;
    }
    out.time = from_micros(micros);
    return out;
}

bool UserLog::has(std::string_view type, const Uuid& subject) const {
    return newest_.contains(key_of(type, subject));
}

bool UserLog::add(std::string_view type, const Uuid& subject, std::span<const EventPart> parts,
                  Timestamp now) {
    std::string key = key_of(type, subject);
    std::string body;
    for (const EventPart& part : parts) body.append(part.name).append(part.json);
    const std::size_t hash = std::hash<std::string_view>{}(body);
    auto& newest = newest_[key];
    if (newest != 0) {
        const auto before = events_.find(newest);
        if (before->second.body == hash) return false;
        erase(before);
    }
    newest = next_++;
    const std::string id = EventId{now, run_, newest}.to_string();
    JsonWriter w;
    w.begin_object().field("type", type).field("id", id);
    for (const EventPart& part : parts) w.key(part.name).raw(part.json);
    w.end_object();
    bytes_ += w.str().size();
    events_.emplace(newest, Stored{std::move(key), hash, Message(type, std::move(w).str(), id)});
    while (events_.size() > capacity_ || (bytes_ > most_bytes_ && events_.size() > 1)) {
        const auto oldest = events_.begin();
        dropped_ = oldest->first;
        newest_.erase(oldest->second.key);
        erase(oldest);
    }
    return true;
}

void UserLog::erase(std::map<std::uint64_t, Stored>::iterator event) {
    bytes_ -= event->second.message.json().size();
    events_.erase(event);
}

std::optional<UserLog::Entry> UserLog::at_or_after(std::uint64_t number) const {
    const auto found = events_.lower_bound(number);
    if (found == events_.end()) return std::nullopt;
    return Entry{found->first, found->second.message};
}

}  // namespace pricewire::live

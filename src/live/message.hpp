#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace pricewire::live {

// How messages are written: on a WebSocket as the JSON text alone; as a server-sent event
// (https://html.spec.whatwg.org/multipage/server-sent-events.html) with type and id.
enum class Format { websocket, server_sent_events };

// Close codes of the stream's WebSockets. RFC 6455 §7.4 leaves 4000 to 4999 to applications; ours are a 4 and
// the API's status.
inline constexpr std::uint16_t closed_bad_message = 4400;
inline constexpr std::uint16_t closed_unauthorized = 4401;
inline constexpr std::uint16_t closed_too_many = 4429;
inline constexpr std::uint16_t closed_try_again = 1013;

// A message to clients, written once for all of them. Copies share the text. One thread at a time.
class Message {
public:
    // `json` is one JSON object on one line; `id` is empty unless the message is an event of a user.
    Message(std::string_view type, std::string json, std::string id = {});

    const std::shared_ptr<const std::string>& in(Format format) const;
    const std::string& json() const { return *json_; }

private:
    std::string type_;
    std::string id_;
    std::shared_ptr<const std::string> json_;
    mutable std::shared_ptr<const std::string> event_;  // written on first use
};

// `{"type":…,"error":"HTTPException","detail":…,"code":…}`
Message error_message(int code, std::string_view detail);

}  // namespace pricewire::live

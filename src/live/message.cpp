#include "live/message.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/json_writer.hpp"

namespace pricewire::live {

Message::Message(std::string_view type, std::string json, std::string id)
    : type_(type), id_(std::move(id)), json_(std::make_shared<const std::string>(std::move(json))) {}

const std::shared_ptr<const std::string>& Message::in(Format format) const {
    if (format == Format::websocket) return json_;
    if (!event_) {
        event_ = std::make_shared<const std::string>(
            id_.empty() ? fmt::format("event: {}\ndata: {}\n\n", type_, *json_)
                        : fmt::format("event: {}\nid: {}\ndata: {}\n\n", type_, id_, *json_));
    }
    return event_;
}

Message error_message(int code, std::string_view detail) {
    JsonWriter w;
    w.begin_object()
        .field("type", "error")
        .field("error", "HTTPException")
        .field("detail", detail)
        .field("code", code)
        .end_object();
    return {"error", std::move(w).str()};
}

}  // namespace pricewire::live

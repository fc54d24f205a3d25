#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "feed/detail/inflate.hpp"
#include "feed/venue.hpp"

namespace pricewire::feed {

// The way of one connection's messages from bytes to quotes: decompression and the venue's parser. A session
// reads its streams by it, a replay its recording. One thread.
class FrameReader {
public:
    // `venue` outlives it.
    explicit FrameReader(const Venue& venue);
    // As StreamParser::parse().
    ParseResult read(std::string_view bytes, bool is_binary, Timestamp received_at, StreamOutput& out);
    // As StreamParser's.
    void forget(std::size_t instrument) { parser_->forget(instrument); }
    std::optional<std::uint64_t> channel_id(std::size_t instrument) const {
        return parser_->channel_id(instrument);
    }

private:
    const Encoding encoding_;
    std::unique_ptr<StreamParser> parser_;
    std::optional<detail::Inflater> inflater_;  // if the venue's messages are compressed
};

}  // namespace pricewire::feed

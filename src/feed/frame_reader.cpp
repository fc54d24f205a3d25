#include "feed/frame_reader.hpp"

namespace pricewire::feed {

using Kind = ParseError::Kind;

FrameReader::FrameReader(const Venue& venue)
    : encoding_(venue.type().stream.encoding), parser_(venue.create_parser()) {
    if (encoding_ == Encoding::gzip) inflater_.emplace();
}

ParseResult FrameReader::read(std::string_view bytes, bool is_binary, Timestamp received_at,
                              StreamOutput& out) {
    if (is_binary && encoding_ == Encoding::text)
        return std::unexpected(ParseError{Kind::wrong_shape, "a binary message"});
    if (is_binary && encoding_ == Encoding::gzip) {
        const auto inflated = inflater_->inflate(bytes);
        if (!inflated) return std::unexpected(ParseError{Kind::not_json, "a message that is not valid gzip"});
        bytes = *inflated;
    }
    return parser_->parse(bytes, received_at, out);
}

}  // namespace pricewire::feed

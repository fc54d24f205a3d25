#pragma once

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace pricewire::feed::detail {

// Decompresses gzip messages. The buffer is reused. One thread.
class Inflater {
public:
    // Larger messages are refused, however small they were compressed.
    static constexpr std::size_t max_inflated = 1024 * 1024;

    Inflater() { good_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
    ~Inflater() {
        if (good_) inflateEnd(&stream_);
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    // Exactly one gzip member; nullopt for anything else. Valid until the next call.
    std::optional<std::string_view> inflate(std::string_view bytes) {
        if (!good_ || inflateReset(&stream_) != Z_OK) return std::nullopt;
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        std::size_t size = 0;
        while (true) {
            if (size == out_.size()) {
                if (size == max_inflated) return std::nullopt;
                out_.resize(std::min(max_inflated, size * 2));
            }
            stream_.next_out = reinterpret_cast<Bytef*>(out_.data() + size);
            stream_.avail_out = static_cast<uInt>(out_.size() - size);
            const int result = ::inflate(&stream_, Z_NO_FLUSH);
            size = out_.size() - stream_.avail_out;
            if (result == Z_STREAM_END) break;
            const bool wants_room = (result == Z_OK || result == Z_BUF_ERROR) && stream_.avail_out == 0;
            if (!wants_room) return std::nullopt;
        }
        if (stream_.avail_in != 0) return std::nullopt;
        return std::string_view(out_.data(), size);
    }

private:
    z_stream stream_{};
    bool good_ = false;
    std::string out_ = std::string(16 * 1024, '\0');
};

}  // namespace pricewire::feed::detail

#include <zlib.h>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/crypto.hpp"
#include "base/text.hpp"
#include "feed/detail/json.hpp"
#include "feed/recording.hpp"
#include "feed/refusal.hpp"

namespace pricewire::feed {
namespace {

// Lines of a file, gzipped or not.
class Lines {
public:
    explicit Lines(gzFile file) : file_(file) {}
    ~Lines() { gzclose(file_); }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    enum class Read : std::uint8_t { line, too_long, damaged, end };
    // The line without its end.
    Read next(std::string& line) {
        line.clear();
        bool is_long = false;
        for (;;) {
            if (at_ == size_ && !fill()) break;
            const std::string_view rest(buffer_.data() + at_, size_ - at_);
            const std::size_t end = rest.find('\n');
            const std::string_view part = rest.substr(0, end);
            if (is_long || line.size() + part.size() > RecordingReader::max_line) {
                is_long = true;
            } else {
                line += part;
            }
            at_ += part.size() + (end == rest.npos ? 0 : 1);
            if (end != rest.npos) return is_long ? Read::too_long : Read::line;
        }
        if (is_long) return Read::too_long;
        if (!line.empty()) return Read::line;
        return std::exchange(is_damaged_, false) ? Read::damaged : Read::end;
    }

private:
    bool fill() {
        if (is_over_) return false;
        const int n = gzread(file_, buffer_.data(), static_cast<unsigned>(buffer_.size()));
        at_ = 0;
        size_ = n > 0 ? static_cast<std::size_t>(n) : 0;
        if (n > 0) return true;
        int code = Z_OK;
        gzerror(file_, &code);
        is_over_ = true;
        is_damaged_ = n < 0 || (code != Z_OK && code != Z_STREAM_END);
        return false;
    }

    const gzFile file_;
    std::string buffer_ = std::string(64 * 1024, '\0');
    std::size_t at_ = 0;
    std::size_t size_ = 0;
    bool is_over_ = false;
    bool is_damaged_ = false;
};

// Unix seconds with a fraction; nullopt where they are no time of this or the next century.
std::optional<Timestamp> time_of(std::string_view token) {
    const auto seconds = Decimal::parse(pricewire::trimmed(token, " \n\r\t\""), Decimal::Excess::truncate);
    if (!seconds || seconds->raw() < 0 || *seconds > Decimal::from_int(4'102'444'800)) return std::nullopt;
    return from_micros(static_cast<std::int64_t>(seconds->raw() / (Decimal::one_raw / 1'000'000)));
}

// Placeholders of samples are numbers between bars: "id": "|1|".
std::string without_bars(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::size_t end = i + 1;
        while (end < text.size() && is_digit(text[end])) ++end;
        const bool is_placeholder = text[i] == '|' && end > i + 1 && end < text.size() && text[end] == '|';
        if (is_placeholder) {
            out += text.substr(i + 1, end - i - 1);
            i = end;
        } else {
            out += text[i];
        }
    }
    return out;
}

class RecordingReaderImpl final : public RecordingReader {
public:
    explicit RecordingReaderImpl(gzFile file) : lines_(file) {}

    std::optional<Result<RecordedFrame>> next() override {
        for (;;) {
            if (!std::exchange(has_line_, false)) {
                read_ = lines_.next(text_);
                ++lines_read_;
            }
            line_ = lines_read_;
            if (read_ == Lines::Read::end) return std::nullopt;
            if (read_ == Lines::Read::too_long)
                return fail(fmt::format("a line of more than {} MB", max_line / (1024 * 1024)));
            if (read_ == Lines::Read::damaged)
                return fail("the file is damaged or ends in the middle; what follows cannot be read");
            const std::string_view text = pricewire::trimmed(text_, " \t\r");
            if (text.empty()) continue;
            if (is_marker(text)) return sample();
            if (is_digit(text.front())) return tape_frame(text);
            return frame(text);
        }
    }
    std::uint64_t line() const override { return line_; }

private:
    static bool is_marker(std::string_view line) {
        return (line.front() == '>' || line.front() == '<' || line.front() == '=') &&
               (line.size() == 1 || line[1] == ' ' || line[1] == '{' || line[1] == '[');
    }

    // Up to the next marker; the line with that is kept for the next call.
    Result<RecordedFrame> sample() {
        const std::string_view first = pricewire::trimmed(text_, " \t\r");
        RecordedFrame out;
        out.is_out = first.front() == '>';
        std::string text(first.substr(1));
        while ((read_ = lines_.next(text_)) == Lines::Read::line) {
            ++lines_read_;
            const std::string_view more = pricewire::trimmed(text_, " \t\r");
            has_line_ = !more.empty() && is_marker(more);
            if (has_line_) break;
            if (text.size() + more.size() > max_line) return fail("a sample without an end");
            text.append("\n").append(more);
        }
        if (read_ != Lines::Read::line) has_line_ = true;
        out.bytes = without_bars(pricewire::trimmed(text, " \n"));
        return out;
    }

    static Result<RecordedFrame> tape_frame(std::string_view line) {
        const auto ns = parse_number<std::int64_t>(take_part(line, ' '));
        if (!ns || *ns < 0 || line.empty()) return fail("a line that is not a recorded frame");
        RecordedFrame out;
        out.bytes = line;
        out.at = from_micros(*ns / 1000);
        return out;
    }

    Result<RecordedFrame> frame(std::string_view line) {
        detail::ondemand::document document;
        detail::ondemand::object object;
        const auto not_one = [&] {
            return fail(fmt::format("a line that is not a recorded frame: {}", snippet(line)));
        };
        if (json_.read(line).get(document) || document.get_object().get(object)) return not_one();
        RecordedFrame out;
        std::string_view direction;
        bool has_bytes = false;
        for (auto field : object) {
            std::string_view key;
            if (field.unescaped_key().get(key)) return not_one();
            std::string_view value;
            if (key == "at" || key == "connection") {
                if (field.value().raw_json_token().get(value)) return not_one();
                if (key == "at") {
                    out.at = time_of(value);
                } else {
                    out.connection = parse_number<std::uint64_t>(detail::trimmed(value)).value_or(1);
                }
            } else if (key == "dir") {
                if (field.value().get_string().get(direction)) return not_one();
                out.is_out = direction == "out";
            } else if (key == "text" || key == "base64") {
                if (std::exchange(has_bytes, true) || field.value().get_string().get(value)) return not_one();
                out.is_binary = key == "base64";
                if (!take_bytes(out, value)) return fail("a frame that is not valid base64");
            }
        }
        if (!detail::at_end(document) || !has_bytes || (direction != "in" && direction != "out"))
            return not_one();
        return out;
    }

    static bool take_bytes(RecordedFrame& out, std::string_view value) {
        if (!out.is_binary) {
            out.bytes = value;
            return true;
        }
        const auto bytes = base64_decode(value);
        if (bytes) out.bytes.assign(bytes->begin(), bytes->end());
        return bytes.has_value();
    }

    Lines lines_;
    Lines::Read read_ = Lines::Read::end;
    std::string text_;       // the line that was read last
    bool has_line_ = false;  // and is not used yet
    std::uint64_t lines_read_ = 0;
    std::uint64_t line_ = 0;
    detail::JsonReader json_;
};

}  // namespace

Result<std::unique_ptr<RecordingReader>> open_recording(const std::filesystem::path& file) {
    std::error_code error;
    const auto status = std::filesystem::status(file, error);
    if (!std::filesystem::exists(status)) return fail(fmt::format("there is no file {}", file.string()));
    if (std::filesystem::is_directory(status)) return fail(fmt::format("{} is a directory", file.string()));
    errno = 0;
    const gzFile opened = gzopen(file.c_str(), "rb");
    if (opened == nullptr)
        return fail(fmt::format("cannot read {}: {}", file.string(), std::generic_category().message(errno)));
    return std::make_unique<RecordingReaderImpl>(opened);
}

}  // namespace pricewire::feed

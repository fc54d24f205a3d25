#include <zlib.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/crypto.hpp"
#include "base/json_writer.hpp"
#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "feed/recording.hpp"

namespace pricewire::feed {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view removed = "(removed)";
// After this long at most, what passed can be read from the file.
constexpr Duration flush_every = 2s;
constexpr std::size_t most_secrets = 64;

struct Entry {
    SourceName venue;
    std::uint64_t connection = 1;
    bool is_out = false;
    bool is_binary = false;
    std::string bytes;
    Timestamp at;
};

std::string line_of(const Entry& entry) {
    const std::int64_t at = to_micros(entry.at);
    std::string out = fmt::format(R"({{"at": {}.{:06}, "dir": "{}", )", at / 1'000'000, at % 1'000'000,
                                  entry.is_out ? "out" : "in");
    if (entry.connection > 1) out += fmt::format(R"("connection": {}, )", entry.connection);
    out += entry.is_binary ? R"("base64": )" : R"("text": )";
    if (entry.is_binary) {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(entry.bytes.data());
        append_json_string(out, base64_encode(std::span(bytes, entry.bytes.size())));
    } else {
        append_json_string(out, entry.bytes);
    }
    return out += "}\n";
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
        text.replace(at, what.size(), with);
}

// Replaces the text in members that hold keys or tokens at one venue or another.
void remove_tokens(std::string& text) {
    for (const std::string_view name :
         {"token", "apiKey", "api_key", "listenKey", "signature", "passphrase"}) {
        const std::string member = fmt::format(R"("{}")", name);
        for (std::size_t at = 0; (at = text.find(member, at)) != text.npos;) {
            at = text.find_first_not_of(" :", at + member.size());
            if (at == text.npos) return;
            if (text[at] != '"') continue;
            const std::size_t end = text.find('"', at + 1);
            if (end == text.npos) return;
            text.replace(at + 1, end - at - 1, removed);
            at += removed.size() + 2;
        }
    }
}

std::string why_of(gzFile file) {
    int code = Z_OK;
    const char* text = gzerror(file, &code);
    return code == Z_ERRNO ? std::generic_category().message(errno) : text;
}

// The file of one venue.
class File {
public:
    File(const RecordingOptions& options, SourceName venue)
        : most_(options.file_bytes),
          path_(options.folder / fmt::format("{}.jsonl.gz", venue.view())),
          earlier_(options.folder / fmt::format("{}.earlier.jsonl.gz", venue.view())) {}
    ~File() {
        if (file_ != nullptr) gzclose(file_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    Result<void> write(const std::string& line) {
        if (file_ == nullptr) {
            if (const auto opened = open(); !opened) return opened;
        }
        if (gzwrite(file_, line.data(), static_cast<unsigned>(line.size())) == 0) return failed();
        is_flushed_ = false;
        return {};
    }
    Result<void> flush() {
        if (file_ == nullptr || std::exchange(is_flushed_, true)) return {};
        if (gzflush(file_, Z_SYNC_FLUSH) != Z_OK) return failed();
        return static_cast<std::uint64_t>(gzoffset(file_)) < most_ ? Result<void>() : close();
    }
    Result<void> close() {
        if (file_ == nullptr) return {};
        errno = 0;
        if (gzclose(std::exchange(file_, nullptr)) == Z_OK) return {};
        return fail(
            fmt::format("cannot write {}: {}", path_.string(), std::generic_category().message(errno)));
    }

private:
    Result<void> open() {
        std::error_code error;
        if (std::filesystem::exists(path_, error)) std::filesystem::rename(path_, earlier_, error);
        errno = 0;
        file_ = error ? nullptr : gzopen(path_.c_str(), "wb");
        if (file_ != nullptr) return {};
        return fail(fmt::format("cannot write {}: {}", path_.string(),
                                error ? error.message() : std::generic_category().message(errno)));
    }
    Result<void> failed() { return fail(fmt::format("cannot write {}: {}", path_.string(), why_of(file_))); }

    const std::uint64_t most_;
    const std::filesystem::path path_;
    const std::filesystem::path earlier_;
    gzFile file_ = nullptr;
    bool is_flushed_ = true;
};

class Recorder final : public FrameTap {
public:
    explicit Recorder(RecordingOptions options) : options_(std::move(options)), thread_([this] { run(); }) {}
    ~Recorder() override {
        entries_.close();
        thread_.join();
    }

    std::uint64_t connected(SourceName venue) override { return ++connections_[venue]; }

    void hide(std::string secret) override {
        // Short ones would be found in figures.
        if (secret.size() < 8 || std::ranges::find(secrets_, secret) != secrets_.end()) return;
        if (secrets_.size() == most_secrets) secrets_.erase(secrets_.begin());
        secrets_.push_back(std::move(secret));
    }

    void pass(const TappedFrame& frame) override {
        if (has_failed_.load(std::memory_order_relaxed)) return;
        const std::size_t size = sizeof(Entry) + frame.bytes.size();
        if (waiting_.load(std::memory_order_relaxed) + size > options_.waiting_bytes) {
            dropped_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        Entry entry{frame.venue,     frame.connection,         frame.is_out,
                    frame.is_binary, std::string(frame.bytes), frame.at};
        if (!frame.is_binary) {
            for (const std::string& secret : secrets_) replace_all(entry.bytes, secret, removed);
            remove_tokens(entry.bytes);
        }
        waiting_.fetch_add(size, std::memory_order_relaxed);
        entries_.push(std::move(entry));
    }

private:
    void run() {
        std::vector<Entry> batch;
        MonoTime flush_at = system_clock().mono() + flush_every;
        for (bool is_open = true; is_open;) {
            is_open = !entries_.closed();
            entries_.drain(batch, flush_at);
            for (const Entry& entry : batch) {
                waiting_.fetch_sub(sizeof(Entry) + entry.bytes.size(), std::memory_order_relaxed);
                write(entry);
            }
            const MonoTime now = system_clock().mono();
            if (now < flush_at) continue;
            flush_at = now + flush_every;
            for (auto& [venue, file] : files_) note(file.flush());
            say_dropped(now);
        }
        for (auto& [venue, file] : files_) note(file.close());
        log::info("the recording has ended", {{"frames", std::to_string(recorded_)},
                                              {"dropped", std::to_string(dropped_.load())},
                                              {"venues", std::to_string(files_.size())},
                                              {"folder", options_.folder.string()}});
    }

    void write(const Entry& entry) {
        if (has_failed_) return;
        const auto written =
            files_.try_emplace(entry.venue, options_, entry.venue).first->second.write(line_of(entry));
        recorded_ += written ? 1 : 0;
        note(written);
    }

    void note(const Result<void>& result) {
        if (result || has_failed_.exchange(true)) return;
        log::error("the recording of frames has stopped; prices are not affected",
                   {{"reason", result.error().message}});
    }

    void say_dropped(MonoTime now) {
        const std::uint64_t dropped = dropped_.load(std::memory_order_relaxed);
        if (dropped == said_ || !lines_.take(now)) return;
        log::warn("frames were not recorded: they come faster than the disk takes them",
                  {{"frames", std::to_string(dropped - std::exchange(said_, dropped))}});
    }

    const RecordingOptions options_;
    // The loop's thread.
    std::map<SourceName, std::uint64_t> connections_;
    std::vector<std::string> secrets_;
    // Both.
    std::atomic<std::size_t> waiting_ = 0;  // bytes
    std::atomic<std::uint64_t> dropped_ = 0;
    std::atomic<bool> has_failed_ = false;
    Mailbox<Entry> entries_;
    // The recorder's thread.
    std::map<SourceName, File> files_;
    std::uint64_t recorded_ = 0;
    std::uint64_t said_ = 0;
    log::AtMostEvery lines_{1min};
    std::thread thread_;  // last: it uses the others
};

}  // namespace

Result<std::unique_ptr<FrameTap>> record_frames(RecordingOptions options) {
    std::error_code error;
    std::filesystem::create_directories(options.folder, error);
    const std::filesystem::path probe = options.folder / ".pricewire";
    if (!error) {
        errno = 0;
        const gzFile file = gzopen(probe.c_str(), "wb");
        if (file == nullptr || gzclose(file) != Z_OK) error = {errno, std::generic_category()};
        std::error_code ignored;
        std::filesystem::remove(probe, ignored);
    }
    if (error)
        return fail(fmt::format("cannot record into {}: {}", options.folder.string(), error.message()));
    return std::make_unique<Recorder>(std::move(options));
}

}  // namespace pricewire::feed

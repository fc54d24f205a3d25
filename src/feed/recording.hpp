#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "feed/frame_tap.hpp"

// Recordings of venues' streams: a gzipped file a venue, a JSON object a line:
//   {"at": 1618678070.657123, "dir": "in", "text": "…"}
// `at` is when we received or sent it, in Unix seconds by our clock. Binary messages have "base64" in place of
// "text", and connections after the first a "connection" with their number.
namespace pricewire::feed {

struct RecordingOptions {
    std::filesystem::path folder;  // created if it does not exist
    // Compressed. A file that has reached it is renamed from VENUE.jsonl.gz to VENUE.earlier.jsonl.gz, in place of
    // the one before: a venue never takes more than twice as much.
    std::uint64_t file_bytes = 64 * 1024 * 1024;
    // Not written yet. Beyond it frames are dropped, counted and logged.
    std::size_t waiting_bytes = 32 * 1024 * 1024;
};

// Writes what passes into files, by a thread of its own. After a failure (a full disk, say), which is logged once,
// it records no more. Files of an earlier recording are kept as if they had been full. The destructor writes what
// waits, and logs how much was recorded. Error: the folder cannot be created or written to.
Result<std::unique_ptr<FrameTap>> record_frames(RecordingOptions options);

struct RecordedFrame {
    bool is_out = false;
    bool is_binary = false;
    std::string bytes;
    std::optional<Timestamp> at;
    std::uint64_t connection = 1;
};

// Reads a recording, compressed or not, and two forms beside: "<Unix time in ns> <frame>" a line, and the samples in
// documentations, "> sent", "< answered" or "= pushed", each on any number of lines. One thread.
class RecordingReader {
public:
    static constexpr std::size_t max_line = 4 * 1024 * 1024;  // bytes; longer ones are errors

    virtual ~RecordingReader() = default;
    // The next frame, or why a line is none; reading goes on behind it. nullopt: the end.
    virtual std::optional<Result<RecordedFrame>> next() = 0;
    // Of the line that the last frame or error began in, from 1.
    virtual std::uint64_t line() const = 0;
};
// Error: there is no such file, or it cannot be read.
Result<std::unique_ptr<RecordingReader>> open_recording(const std::filesystem::path& file);

}  // namespace pricewire::feed

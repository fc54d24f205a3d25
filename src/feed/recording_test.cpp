#include "feed/recording.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "fakes/log_capture.hpp"
#include "feed/recordings.hpp"
#include "sim/protocol.hpp"

namespace pricewire::feed {
namespace {

namespace fs = std::filesystem;

class Recording : public ::testing::Test {
protected:
    Recording() { fs::create_directories(folder_); }
    ~Recording() override { fs::remove_all(folder_); }

    fs::path write(std::string_view bytes) const {
        std::ofstream(folder_ / "file", std::ios::binary) << bytes;
        return folder_ / "file";
    }
    // A line for each frame: its line, the direction, the time, the connection and the bytes.
    static std::string read(const fs::path& file) {
        const auto reader = open_recording(file);
        if (!reader) return reader.error().message;
        std::string out;
        while (const auto next = (*reader)->next()) {
            out += std::to_string((*reader)->line()) + " ";
            if (!*next) {
                out += next->error().message + "\n";
                continue;
            }
            const RecordedFrame& frame = **next;
            out += frame.is_out ? "out " : "in ";
            if (frame.at) out += format_rfc3339(*frame.at) + " ";
            if (frame.connection > 1) out += "#" + std::to_string(frame.connection) + " ";
            out += (frame.is_binary ? "binary " : "") + frame.bytes + "\n";
        }
        return out;
    }
    static TappedFrame frame(std::string_view bytes, bool is_out = false) {
        return {.venue = "okx",
                .is_out = is_out,
                .bytes = bytes,
                .at = Timestamp{std::chrono::microseconds{1'700'000'000'250'001}}};
    }

    const fs::path folder_ = fs::temp_directory_path() / ("recording_test." + std::to_string(getpid()));
};

TEST_F(Recording, ReadsWhatItHasWritten) {
    {
        const auto tap = record_frames({.folder = folder_ / "new" / "folder"}).value();
        EXPECT_EQ(tap->connected("okx"), 1u);
        EXPECT_EQ(tap->connected("htx"), 1u);
        EXPECT_EQ(tap->connected("okx"), 2u);
        tap->pass(frame("{\"op\":\"subscribe\"}", true));
        tap->pass(frame("a \"quoted\" line\n\\ and \xc3\xa9"));
        TappedFrame binary = frame(std::string_view("\x1f\x8b\x00\xff", 4));
        binary.venue = "htx";
        binary.is_binary = true;
        tap->pass(binary);
        TappedFrame second = frame("pong");
        second.connection = 2;
        tap->pass(second);
    }
    EXPECT_EQ(read(folder_ / "new" / "folder" / "okx.jsonl.gz"),
              "1 out 2023-11-14T22:13:20.250001Z {\"op\":\"subscribe\"}\n"
              "2 in 2023-11-14T22:13:20.250001Z a \"quoted\" line\n\\ and \xc3\xa9\n"
              "3 in 2023-11-14T22:13:20.250001Z #2 pong\n");
    EXPECT_EQ(read(folder_ / "new" / "folder" / "htx.jsonl.gz"),
              std::string("1 in 2023-11-14T22:13:20.250001Z binary \x1f\x8b") + '\0' + "\xff\n");
}

TEST_F(Recording, HasTheFormOfTheRecordingsHandedOver) {
    {
        record_frames({.folder = folder_}).value()->pass(frame(R"({"a":1})"));
    }
    const gzFile file = gzopen((folder_ / "okx.jsonl.gz").c_str(), "rb");
    std::string text(200, '\0');
    text.resize(static_cast<std::size_t>(gzread(file, text.data(), 200)));
    gzclose(file);
    EXPECT_EQ(text, "{\"at\": 1700000000.250001, \"dir\": \"in\", \"text\": \"{\\\"a\\\":1}\"}\n");
}

TEST_F(Recording, KeepsNoSecret) {
    {
        const auto tap = record_frames({.folder = folder_}).value();
        tap->hide("");
        tap->hide("2neAiuYvAU61ZD");
        tap->pass(frame("welcome 2neAiuYvAU61ZD, 2neAiuYvAU61ZD"));
        tap->pass(frame(R"({"token" : "abc","data":{"apiKey":"k","tokens":["x"]},"api_key":null})"));
        tap->pass(frame(R"({"token":"without an end)"));
    }
    const std::string text = read(folder_ / "okx.jsonl.gz");
    EXPECT_NE(text.find("welcome (removed), (removed)\n"), text.npos) << text;
    EXPECT_NE(
        text.find(R"x({"token" : "(removed)","data":{"apiKey":"(removed)","tokens":["x"]},"api_key":null})x"),
        text.npos)
        << text;
}

TEST_F(Recording, TakesABoundedPlaceAndKeepsAnEarlierFile) {
    const auto record = [&](std::string_view text) {
        record_frames({.folder = folder_}).value()->pass(frame(text));
    };
    record("first");
    record("second");
    record("third");
    EXPECT_NE(read(folder_ / "okx.jsonl.gz").find("third"), std::string::npos);
    EXPECT_NE(read(folder_ / "okx.earlier.jsonl.gz").find("second"), std::string::npos);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 2);
}

TEST_F(Recording, DropsWhatItCannotHoldAndSaysSo) {
    const fakes::LogCapture log;
    {
        const auto tap = record_frames({.folder = folder_, .waiting_bytes = 1000}).value();
        tap->pass(frame(std::string(2000, 'x')));
        tap->pass(frame("small"));
    }
    EXPECT_EQ(log.count("the recording has ended frames=1 dropped=1 venues=1"), 1u);
}

TEST_F(Recording, StopsOnceAfterAFailure) {
    const fakes::LogCapture log;
    {
        const auto tap = record_frames({.folder = folder_ / "gone"}).value();
        fs::remove_all(folder_ / "gone");
        for (int i = 0; i < 100; ++i) tap->pass(frame("x"));
    }
    EXPECT_EQ(
        log.count("error the recording of frames has stopped; prices are not affected reason=cannot write "),
        1u);
    std::ofstream(folder_ / "file") << "x";
    EXPECT_EQ(record_frames({.folder = folder_ / "file"}).error().message,
              "cannot record into " + (folder_ / "file").string() + ": Not a directory");
}

TEST_F(Recording, ReadsBadLinesAsErrors) {
    constexpr std::string_view good = R"({"at": 1.5, "dir": "in", "text": "x"})";
    const std::string longest(RecordingReader::max_line - 50, 'x');
    std::string text(good);
    for (const std::string_view bad :
         {"nonsense", "{}", R"({"at": 1, "dir": "in"})", R"({"at": 1, "dir": "up", "text": "x"})",
          R"({"at": 1, "dir": "in", "text": 5})", R"({"at": 1, "dir": "in", "text": "x", "base64": "eA=="})",
          R"({"at": 1, "dir": "in", "text": "x"} {})", R"({"at": 1, "dir": "in", "text": "x)"})
        text += "\n" + std::string(bad);
    text += "\n" + std::string(R"({"at": 1, "dir": "in", "base64": "*"})") + "\n\n";
    text += R"({"dir": "in", "text": ")" + longest + "\"}\n" + longest + longest + "\n" + std::string(good);
    std::string expected = "1 in 1970-01-01T00:00:01.5Z x\n2 a line that is not a recorded frame: nonsense\n";
    const std::string read_back = read(write(text));
    EXPECT_TRUE(read_back.starts_with(expected)) << read_back.substr(0, 500);
    for (int line = 3; line <= 9; ++line)
        EXPECT_NE(read_back.find(std::to_string(line) + " a line that is not"), std::string::npos) << line;
    EXPECT_NE(read_back.find("10 a frame that is not valid base64\n12 in " + longest +
                             "\n13 a line of more than 4 MB\n14 in 1970-01-01T00:00:01.5Z x\n"),
              std::string::npos);
}

TEST_F(Recording, ReadsUpToWhereAFileIsDamaged) {
    std::string lines;
    for (int i = 0; i < 2000; ++i)
        lines += "{\"at\": " + std::to_string(i * 7919 % 1000) + ", \"dir\": \"in\", \"text\": \"x\"}\n";
    const std::string whole = sim::gzipped(lines);
    const std::string cut = read(write(whole.substr(0, whole.size() / 2)));
    EXPECT_TRUE(cut.starts_with("1 in 1970-01-01T00:00:00Z x\n2 in ")) << cut.substr(0, 200);
    EXPECT_TRUE(cut.ends_with("the file is damaged or ends in the middle; what follows cannot be read\n"))
        << cut;
    EXPECT_EQ(read(write("")), "");
    EXPECT_EQ(read(folder_), folder_.string() + " is a directory");
    EXPECT_EQ(read(folder_ / "absent"), "there is no file " + (folder_ / "absent").string());
}

TEST_F(Recording, ReadsSamplesAndTapes) {
    EXPECT_EQ(
        read(write("> {\"op\": \"subscribe\", \"id\": \"|12|\"}\n< { \"id\": |12|, \"a\": \"||\" }\n= \n{\n  "
                   "\"x\": 1\n}\n= pong")),
        "1 out {\"op\": \"subscribe\", \"id\": \"12\"}\n2 in { \"id\": 12, \"a\": \"||\" }\n3 in {\n\"x\": "
        "1\n}\n7 in pong\n");
    EXPECT_EQ(read(write(R"({"text": "x", "more": [{}], "dir": "in", "at": "1700000000.25"})")),
              "1 in 2023-11-14T22:13:20.25Z x\n");
    EXPECT_EQ(read(write("1700000000250000999 {\"a\":1}\n17 \n")),
              "1 in 2023-11-14T22:13:20.25Z {\"a\":1}\n2 a line that is not a recorded frame\n");
}

TEST(RecordingsHandedOver, AreReadWhole) {
    const auto path = recordings();
    if (!path) GTEST_SKIP() << "no recordings";
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(*path / "venues")) {
        if (entry.path().extension() != ".gz") continue;
        ++files;
        const auto reader = open_recording(entry.path()).value();
        std::size_t frames = 0;
        while (const auto next = reader->next()) {
            ASSERT_TRUE(*next) << entry.path() << next->error().message;
            EXPECT_TRUE((*next)->at);
            ++frames;
        }
        EXPECT_GT(frames, 10u) << entry.path();
    }
    EXPECT_GE(files, 9u);
}

}  // namespace
}  // namespace pricewire::feed

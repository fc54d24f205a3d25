#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "ops/cli.hpp"
#include "ops/logging.hpp"
#include "ops/shutdown.hpp"

namespace pricewire::ops {
namespace {

CommandLine command_line(std::vector<std::string> arguments) {
    return parse_command_line(std::move(arguments), ConfigKeys());
}

TEST(CommandLine, ParsesCommandsAndConfigurationFlags) {
    const auto line =
        command_line({"serve", "--http.listen", "0.0.0.0:1", "--log.level=debug", "--config", "x.toml"});
    EXPECT_FALSE(line.exit_code) << line.text;
    EXPECT_EQ(line.command, "serve");
    EXPECT_EQ(line.config_file, "x.toml");
    const std::vector<std::pair<std::string, std::string>> flags{{"http.listen", "0.0.0.0:1"},
                                                                 {"log.level", "debug"}};
    EXPECT_EQ(line.flags, flags);
    EXPECT_EQ(command_line({"migrate", "--to", "3"}).to, 3);
    EXPECT_TRUE(command_line({"migrate", "--new"}).fresh);
    EXPECT_TRUE(command_line({"migrate", "--status"}).status);
    const auto users = command_line({"users", "disable", "a@example.com"});
    EXPECT_EQ(users.command, "users disable");
    EXPECT_EQ(users.email, "a@example.com");
    EXPECT_EQ(command_line({"users", "create", "a@example.com"}).command, "users create");
    EXPECT_EQ(command_line({"users", "reset-key", "a@example.com"}).command, "users reset-key");
    EXPECT_EQ(command_line({"users", "create"}).exit_code, 2);
    EXPECT_EQ(command_line({"check-config", "api"}).role, "api");
    EXPECT_EQ(command_line({"health"}).role, "serve");
    EXPECT_EQ(command_line({"health", "checker"}).role, "checker");
    EXPECT_EQ(command_line({"health", "chequer"}).exit_code, 2);
}

TEST(CommandLine, RecordsAndReplaysFrames) {
    EXPECT_EQ(command_line({"feed", "--record", "frames"}).record, "frames");
    EXPECT_FALSE(command_line({"feed"}).record);
    EXPECT_EQ(command_line({"serve", "--record", "frames"}).exit_code, 2) << "only a feed has frames";
    const auto replay = command_line(
        {"replay", "okx", "a.jsonl.gz", "--symbols", "BTC=BTC-USDT,ETH=ETH-USDT", "--at", "FRAME"});
    EXPECT_FALSE(replay.exit_code) << replay.text;
    EXPECT_EQ(replay.command, "replay");
    EXPECT_EQ(replay.venue, "okx");
    EXPECT_EQ(replay.file, "a.jsonl.gz");
    EXPECT_EQ(replay.symbols, "BTC=BTC-USDT,ETH=ETH-USDT");
    EXPECT_EQ(replay.at, "FRAME");
    EXPECT_EQ(command_line({"replay", "okx"}).exit_code, 2);
}

TEST(CommandLine, HelpAndVersionExitWithZeroErrorsWithTwo) {
    for (const char* command : {"serve", "api", "feed", "checker", "sender", "migrate", "rotate-master-key",
                                "check-config", "health"}) {
        const auto help = command_line({command, "--help"});
        EXPECT_EQ(help.exit_code, 0) << command;
        EXPECT_NE(help.text.find("--http.listen"), std::string::npos) << command;
    }
    const auto version = command_line({"--version"});
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_NE(version.text.find(PRICEWIRE_VERSION), std::string::npos);
    EXPECT_EQ(command_line({}).exit_code, 2);
    EXPECT_EQ(command_line({"srve"}).exit_code, 2);
    const auto typo = command_line({"serve", "--http.listne", "x"});
    EXPECT_EQ(typo.exit_code, 2);
    EXPECT_EQ(typo.text, "unknown flag --http.listne: did you mean --http.listen?\n");
    EXPECT_EQ(command_line({"serve", "--port", "80"}).text, "unknown flag --port; --help lists the flags\n");
}

TEST(Logging, ALineCannotBeForged) {
    const Timestamp at = from_micros(1'700'000'000'123'456);
    EXPECT_EQ(format_text_line(at, log::Level::warn, "it\nfailed",
                               {{"url", "a b"}, {"id", "7"}, {"x", "\n2026 error"}}),
              "2023-11-14T22:13:20.123Z warn  it failed url=\"a b\" id=7 x=\"\\n2026 error\"");
    EXPECT_EQ(format_json_line(at, log::Level::info, "say \"hi\"", {{"x", "\x01\n"}}),
              R"({"time":"2023-11-14T22:13:20.123Z","level":"info","message":"say \"hi\"","x":"\u0001\n"})");
}

TEST(Logging, ContextFollowsTheFieldsWithoutRepeatingThem) {
    const Timestamp at = from_micros(1'700'000'000'123'456);
    const std::vector<log::Scope::Named> context{
        {"alert_id", "a 1"}, {"request_id", "r1"}, {"request_id", "outer"}, {"x", "hidden"}};
    EXPECT_EQ(format_text_line(at, log::Level::info, "done", {{"x", "1"}}, context),
              "2023-11-14T22:13:20.123Z info  done x=1 alert_id=\"a 1\" request_id=r1");
    EXPECT_EQ(
        format_json_line(at, log::Level::info, "done", {{"x", "1"}}, context),
        R"({"time":"2023-11-14T22:13:20.123Z","level":"info","message":"done","x":"1","alert_id":"a 1","request_id":"r1"})");
}

TEST(Shutdown, WaitsForASignalAndEndsAtOnceAtASecondOne) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        Shutdown shutdown;
        if (write(ready[1], "a", 1) != 1) _exit(1);
        if (shutdown.wait() != SIGTERM) _exit(2);
        if (write(ready[1], "b", 1) != 1) _exit(3);
        for (;;) pause();
    }
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    kill(child, SIGTERM);
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'b');
    kill(child, SIGINT);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 128 + SIGINT);
}

}  // namespace
}  // namespace pricewire::ops

#include "net/local_error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "fakes/log_capture.hpp"
#include "net/local_failures.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

IpAddress address(const char* text) {
    return IpAddress::parse(text).value();
}

// A kernel that refuses what is named, with this error.
RouteCheck refusing(std::vector<IpAddress> refused, int error) {
    return [=](const IpAddress& a) { return std::ranges::find(refused, a) == refused.end() ? 0 : error; };
}
RouteCheck refusing_all(int error) {
    return [error](const IpAddress&) { return error; };
}

TEST(LocalError, ErrorsThatOnlyWeCanCauseAreOursWhateverTheRoute) {
    const std::vector to{address("203.0.113.7")};
    for (const auto& [error, cause] : {std::pair{EMFILE, LocalCause::files},
                                       {ENFILE, LocalCause::files},
                                       {ENOMEM, LocalCause::memory},
                                       {ENOBUFS, LocalCause::memory},
                                       {EADDRNOTAVAIL, LocalCause::ports},
                                       {EAGAIN, LocalCause::ports},
                                       {EPERM, LocalCause::permission}}) {
        EXPECT_EQ(local_connect_cause(error, to, refusing({}, 0)), cause) << error;
    }
}

TEST(LocalError, ErrorsOfThePeerAreNotOurs) {
    const std::vector to{address("203.0.113.7")};
    for (const int error : {0, ECONNREFUSED, ECONNRESET, ETIMEDOUT, EPIPE}) {
        EXPECT_EQ(local_connect_cause(error, to, refusing_all(ENETUNREACH)), std::nullopt) << error;
    }
}

TEST(LocalError, AnUnreachableHostIsOurLackOnlyIfTheKernelItselfRefusesToSend) {
    const auto v4 = address("203.0.113.7"), v6 = address("2001:db8::7");
    const std::vector both{v4, v6}, only_v6{v6};
    for (const int error : {ENETUNREACH, EHOSTUNREACH, ENETDOWN, EACCES}) {
        EXPECT_EQ(local_connect_cause(error, both, refusing({}, 0)), std::nullopt) << "a router's answer";
        EXPECT_EQ(local_connect_cause(error, both, refusing({v6}, ENETUNREACH)), std::nullopt)
            << "the other address was tried";
        EXPECT_EQ(local_connect_cause(error, both, refusing({v4, v6}, ENETUNREACH)), LocalCause::route);
        EXPECT_EQ(local_connect_cause(error, only_v6, refusing({v6}, EACCES)), LocalCause::permission);
        EXPECT_EQ(local_connect_cause(error, both, refusing_all(ENETUNREACH)), LocalCause::network);
    }
    EXPECT_EQ(local_connect_cause(EAFNOSUPPORT, only_v6, refusing({v6}, EAFNOSUPPORT)), LocalCause::route)
        << "a machine without IPv6";
    EXPECT_EQ(local_connect_cause(EADDRNOTAVAIL, only_v6, refusing({v6}, EADDRNOTAVAIL)), LocalCause::route)
        << "a machine with IPv6 turned off";
    EXPECT_EQ(local_connect_cause(ENETUNREACH, {}, refusing_all(ENETUNREACH)), std::nullopt);
}

TEST(LocalError, TheKernelRoutesToItself) {
    EXPECT_EQ(check_route(address("127.0.0.1")), 0);
    EXPECT_EQ(exhausted(), std::nullopt);
}

// The first table of a section: its first column, without back-quotes.
std::vector<std::string> rows_of(const std::string& section) {
    std::ifstream in(PRICEWIRE_SOURCE_DIR "/docs/operations.md");
    std::vector<std::string> out;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("## ")) inside = line == "## " + section;
        if (inside && line.starts_with("| `")) out.push_back(line.substr(3, line.find('`', 3) - 3));
    }
    return out;
}

TEST(LocalError, EachCauseIsARowOfTheManual) {
    std::vector<std::string> names;
    for (const LocalCauseRow& row : local_causes) {
        EXPECT_EQ(&row_of(row.cause), &row);
        names.emplace_back(row.name);
    }
    EXPECT_EQ(rows_of("Our own lack"), names);
}

TEST(LocalFailures, EachCauseIsLoggedOnceUntilItHasEnded) {
    const fakes::LogCapture log;
    LocalFailures failures;
    const MonoTime start{1h};
    for (int i = 0; i < 1000; ++i) failures.failed(LocalCause::files, start + i * 10ms);
    failures.failed(LocalCause::route, start + 10s);
    EXPECT_EQ(failures.lasting(), std::vector{LocalCause::files}) << "a route depends on the receiver";
    failures.tick(start + 10s + LocalFailures::quiet - 1s);
    EXPECT_EQ(failures.lasting(), std::vector{LocalCause::files});
    failures.tick(start + 10s + LocalFailures::quiet);
    failures.tick(start + 20s + LocalFailures::quiet);
    EXPECT_TRUE(failures.lasting().empty());
    failures.failed(LocalCause::files, start + 300s);
    const std::string begun =
        " requests cannot be sent for a reason on this side; they are put off and tried again cause=";
    const std::string ended = "info requests no longer fail for this reason on this side cause=";
    const std::string files = "error" + begun + "files reason=it may not open any more files";
    const std::string route =
        "warn" + begun + "route reason=its machine has no route to the receiver's address";
    EXPECT_EQ(log.lines(), (std::vector<std::string>{files, route, ended + "files", ended + "route", files}));
    EXPECT_EQ(failures.count(LocalCause::files), 1001U);
    EXPECT_EQ(failures.count(LocalCause::memory), 0U);
}

}  // namespace
}  // namespace pricewire::net

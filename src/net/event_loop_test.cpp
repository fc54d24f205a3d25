#include "net/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <stdexcept>
#include <string>

#include "base/sanitizers.hpp"
#include "fakes/log_capture.hpp"
#include "net/ws_client.hpp"

namespace pricewire::net {
namespace {

using namespace std::chrono_literals;

TEST(EventLoop, ARepeatedTaskThatThrowsRunsAgainAndIsLoggedOncePerOutage) {
    fakes::LogCapture log;
    const auto loop = create_event_loop();
    int runs = 0;
    loop->every(1ms, "counting", [&] {
        if (++runs == 8) loop->stop();
        if (runs < 4 || runs == 6) throw std::runtime_error("no file is left");
    });
    loop->run();
    EXPECT_EQ(runs, 8);
    EXPECT_EQ(log.count("a task failed; it is tried again task=counting reason=no file is left"), 2u);
    EXPECT_EQ(log.count("a task works again task=counting"), 2u);
}

TEST(EventLoop, ARepeatedTaskMayCancelItself) {
    const auto loop = create_event_loop();
    int runs = 0;
    EventLoop::TimerId id = 0;
    id = loop->every(1ms, "counting", [&] {
        ++runs;
        loop->cancel(id);
        loop->after(20ms, [&] { loop->stop(); });
    });
    loop->run();
    EXPECT_EQ(runs, 1);
}

// The first connection of a loop opens files of its own before it opens a socket.
TEST(WebSockets, AnAttemptWithoutAFileLeftEndsLikeOneThatFails) {
    if (has_address_sanitizer)
        GTEST_SKIP() << "UBSan, which is built in with ASan, opens files to check objects' types";
    const auto loop = create_event_loop();
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 0;
    std::string reason;
    WsClientHandler handler;
    handler.on_closed = [&](const WsClosed& closed) {
        setrlimit(RLIMIT_NOFILE, &before);
        reason = closed.reason;
        loop->stop();
    };
    std::unique_ptr<WsClient> client;
    loop->post([&] {
        setrlimit(RLIMIT_NOFILE, &none);
        EXPECT_NO_THROW(client = open_websocket(*loop, {.url = "ws://localhost:1/"}, std::move(handler)));
    });
    loop->run();
    EXPECT_NE(reason.find("Too many open files"), std::string::npos) << reason;
}

}  // namespace
}  // namespace pricewire::net

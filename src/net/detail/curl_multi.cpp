#include "net/detail/curl_multi.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/log.hpp"

namespace pricewire::net::detail {
namespace {

bool check(CURLMcode code) {
    if (code == CURLM_OK) return true;
    static log::LineBudget lines{"errors of outgoing HTTP", 1};
    if (lines.take(std::chrono::steady_clock::now()))
        log::error("outgoing HTTP is in trouble", {{"reason", curl_multi_strerror(code)}});
    return false;
}

}  // namespace

CurlMulti::CurlMulti(Poller& poller, ConnectionCount& count) : poller_(poller), count_(count) {
    static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = global == CURLE_OK ? curl_multi_init() : nullptr;
    if (multi_ == nullptr) throw std::runtime_error("libcurl does not start");
    // The number of connections is bounded by the caller: curl's own queue is one for all hosts.
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, static_cast<void*>(this));
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, static_cast<void*>(this));
}

CurlMulti::~CurlMulti() {
    check(curl_multi_cleanup(multi_));
}

void CurlMulti::count_sockets(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
}

void CurlMulti::opened() {
    ++open_;
    ++count_.open;
}

bool CurlMulti::add(CURL* easy) {
    if (!check(curl_multi_add_handle(multi_, easy))) return false;
    ++busy_;
    ++count_.busy;
    return true;
}

void CurlMulti::remove(CURL* easy) {
    check(curl_multi_remove_handle(multi_, easy));
    --busy_;
    --count_.busy;
}

void CurlMulti::run_due(MonoTime now) {
    // curl sets a new time-out only if it wants another one.
    if (now < due_) return;
    due_ = MonoTime::max();
    bound_idle();
    int running = 0;
    check(curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running));
}

void CurlMulti::on_ready(int fd, std::uint32_t events) {
    bound_idle();
    const int what = ((events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0) |
                     ((events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                     ((events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
    int running = 0;
    check(curl_multi_socket_action(multi_, fd, what, &running));
}

// curl bounds its connections in all, including busy ones, by closing the longest idle when a transfer
// ends; so its limit is set each time: the current number, less one if enough are idle.
void CurlMulti::bound_idle() {
    const auto idle = static_cast<long>(count_.open - std::min(count_.open, count_.busy));
    const auto here = static_cast<long>(std::max(open_, busy_));
    const long bound = std::max(1L, here + static_cast<long>(count_.max_idle) - idle - 1);
    if (bound == bound_) return;
    bound_ = bound;
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, bound);
}

void CurlMulti::collect(const Done& done) {
    if (!unwatched_.empty()) {
        std::ranges::sort(unwatched_);
        const auto again = std::ranges::unique(unwatched_);
        unwatched_.erase(again.begin(), again.end());
        for (CURL* easy : std::exchange(unwatched_, {})) done(easy, CURLE_FAILED_INIT);
    }
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg == CURLMSG_DONE) done(message->easy_handle, message->data.result);
    }
}

int CurlMulti::on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void*) {
    auto& multi = *static_cast<CurlMulti*>(self);
    if (what == CURL_POLL_REMOVE) {
        // The transfer has ended; its connection may soon serve the next, and on_close() follows if it
        // does not.
        multi.poller_.park(fd);
        return 0;
    }
    const bool read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    const bool write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    // An error returned here would end all transfers of this handle.
    if (!multi.poller_.watch(fd, read, write, multi)) multi.unwatched(easy);
    return 0;
}

// curl is on the stack: collect() ends the transfer.
void CurlMulti::unwatched(CURL* easy) noexcept {
    try {
        unwatched_.push_back(easy);
        due_ = MonoTime::min();
    } catch (const std::bad_alloc&) {
        // Its deadline ends it.
    }
}

int CurlMulti::on_timer(CURLM*, long timeout_ms, void* self) {
    static_cast<CurlMulti*>(self)->due_ =
        timeout_ms < 0 ? MonoTime::max()
                       : std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
    return 0;
}

int CurlMulti::on_close(void* self, curl_socket_t fd) {
    auto& multi = *static_cast<CurlMulti*>(self);
    --multi.open_;
    --multi.count_.open;
    multi.poller_.watch(fd, false, false, multi);
    return close(fd);
}

}  // namespace pricewire::net::detail

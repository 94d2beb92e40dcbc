#include "manager/events/webhook_sender.h"

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>

#include <curl/curl.h>
#include <unistd.h>

#include "base/utf16.h"

namespace hvis::manager {
namespace {

using control::ErrorCode;
using control::Failure;

struct EasyDeleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiDeleter {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct HeadersDeleter {
    void operator()(curl_slist* headers) const { curl_slist_free_all(headers); }
};
using Easy = std::unique_ptr<CURL, EasyDeleter>;
using Multi = std::unique_ptr<CURLM, MultiDeleter>;
using Headers = std::unique_ptr<curl_slist, HeadersDeleter>;

/// The answer's body says nothing to us; a receiver that never ends it is cut off.
size_t swallow(char* /*bytes*/, size_t size, size_t count, void* swallowed) {
    auto& total = *static_cast<size_t*>(swallowed);
    total += size * count;
    return total > WebhookSender::kMaxAnswerBytes ? 0 : size * count;
}

Headers header_list(const WebhookRequest& request) {
    // An empty Expect: keeps curl from waiting for "100 Continue", which many receivers never send.
    Headers headers(curl_slist_append(nullptr, "Expect:"));
    for (const auto& [name, value] : request.headers) {
        curl_slist* longer = curl_slist_append(headers.get(), (name + ": " + value).c_str());
        if (longer != nullptr) {
            [[maybe_unused]] const auto* shorter = headers.release();
            headers.reset(longer);
        }
    }
    return headers;
}

}  // namespace

struct WebhookSender::State {
    struct Job {
        WebhookRequest request;
        std::function<void(Attempt)> done;
    };

    State(const WebhookConfig& its_config, loop::Loop& its_loop)
        : config(its_config), loop(its_loop) {}

    void run();
    Attempt perform(const WebhookRequest& request);
    bool wait_for(CURLMsg& message);
    void hand_back(std::function<void(Attempt)> done, Attempt attempt);

    WebhookConfig config;
    loop::Loop& loop;
    Easy easy;
    Multi multi;
    std::array<char, CURL_ERROR_SIZE> words{};
    std::mutex mutex;  // guards job; held for a move
    std::optional<Job> job;
    std::atomic<bool> stopping{false};
    std::shared_ptr<int> alive = std::make_shared<int>(0);  // loop thread only
    std::thread thread;
};

Result<std::unique_ptr<WebhookSender>, Failure> WebhookSender::create(const WebhookConfig& config,
                                                                      loop::Loop& loop) {
    static const CURLcode kGlobal = curl_global_init(CURL_GLOBAL_ALL);
    auto state = std::make_unique<State>(config, loop);
    state->easy.reset(curl_easy_init());
    state->multi.reset(curl_multi_init());
    if (kGlobal != CURLE_OK || !state->easy || !state->multi) {
        return std::unexpected(control::make_failure(
            ErrorCode::kFailed, "webhook " + config.name + ": libcurl does not start"));
    }
    if (!config.ca_file.empty() && ::access(config.ca_file.c_str(), R_OK) != 0) {
        return std::unexpected(control::make_failure(
            ErrorCode::kUsage, "webhook " + config.name + ": " + config.ca_file + " cannot be read",
            "`ca_file` names a PEM file that hvisd's user may read"));
    }
    CURL* easy = state->easy.get();
    curl_easy_setopt(easy, CURLOPT_URL, config.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "hvisd");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(config.timeout.count()));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, state->words.data());
    // A look-up that hangs must not hold up the end of hvisd.
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    if (!config.ca_file.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, config.ca_file.c_str());
    }
    State& running = *state;
    state->thread = std::thread([&running] { running.run(); });
    return std::unique_ptr<WebhookSender>(new WebhookSender(std::move(state)));
}

WebhookSender::WebhookSender(std::unique_ptr<State> state) : state_(std::move(state)) {}

WebhookSender::~WebhookSender() {
    state_->stopping.store(true);
    curl_multi_wakeup(state_->multi.get());
    state_->thread.join();
}

void WebhookSender::post(WebhookRequest request, std::function<void(Attempt)> done) {
    {
        const std::scoped_lock lock(state_->mutex);
        state_->job = State::Job{.request = std::move(request), .done = std::move(done)};
    }
    curl_multi_wakeup(state_->multi.get());
}

void WebhookSender::State::run() {
    constexpr int kIdleMilliseconds = 3'600'000;
    while (!stopping.load()) {
        std::optional<Job> next;
        {
            const std::scoped_lock lock(mutex);
            next.swap(job);
        }
        if (!next) {
            curl_multi_poll(multi.get(), nullptr, 0, kIdleMilliseconds, nullptr);
            continue;
        }
        const TimePoint begin = loop::Loop::now();
        Attempt attempt = perform(next->request);
        attempt.took =
            std::chrono::duration_cast<std::chrono::milliseconds>(loop::Loop::now() - begin);
        hand_back(std::move(next->done), std::move(attempt));
    }
}

/// Waits for the end of the transfer; false when it is broken off.
bool WebhookSender::State::wait_for(CURLMsg& message) {
    constexpr int kPollMilliseconds = 1000;
    int running = 0;
    while (!stopping.load()) {
        if (curl_multi_perform(multi.get(), &running) != CURLM_OK) {
            return false;
        }
        int left = 0;
        if (const CURLMsg* read = curl_multi_info_read(multi.get(), &left); read != nullptr) {
            message = *read;
            return true;
        }
        curl_multi_poll(multi.get(), nullptr, 0, kPollMilliseconds, nullptr);
    }
    return false;
}

Attempt WebhookSender::State::perform(const WebhookRequest& request) {
    const Headers headers = header_list(request);
    size_t swallowed = 0;
    words[0] = '\0';
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &swallowed);
    curl_multi_add_handle(multi.get(), easy.get());
    CURLMsg message{};
    const bool ended = wait_for(message);
    long status = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi.get(), easy.get());
    // The headers and the body go with this function; the handle stays.
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, nullptr);
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, nullptr);
    if (!ended || message.data.result != CURLE_OK) {
        const CURLcode code = ended ? message.data.result : CURLE_ABORTED_BY_CALLBACK;
        const std::string_view said = words[0] != '\0' ? words.data() : curl_easy_strerror(code);
        return {.outcome = Attempt::Outcome::kFailed, .problem = escape_for_display(said)};
    }
    return attempt_of_status(status);
}

/// Calls back on the loop's thread, unless the sender is gone by then.
void WebhookSender::State::hand_back(std::function<void(Attempt)> done, Attempt attempt) {
    constexpr auto kPause = std::chrono::milliseconds(20);
    const auto answer = [done = std::move(done), attempt = std::move(attempt),
                         still = std::weak_ptr<int>(alive)] {
        if (!still.expired()) {
            done(attempt);
        }
    };
    while (!loop.post(answer) && !stopping.load()) {
        std::this_thread::sleep_for(kPause);  // The loop is swamped: it takes this later.
    }
}

}  // namespace hvis::manager

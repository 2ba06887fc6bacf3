// libcurl, loaded at the first call of it. With the thirty libraries that it brings along it is a
// quarter of the daemon's memory, and a node on containerd that pulls nothing has no use for it.
// Who links this in place of libcurl calls curl as ever; a function that is missing here fails to
// link.
#include <curl/curl.h>
#include <dlfcn.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace {

/// As the loader itself would, had the library been linked: without it nothing can go on.
[[noreturn]] void give_up() {
  std::fprintf(stderr, "cannot load libcurl: %s\n", dlerror());
  std::abort();
}

void* library() {
  static void* const kLoaded = dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
  if (kLoaded == nullptr) give_up();
  return kLoaded;
}

template <class Function>
Function* find(Function&, const char* name) {
  void* const found = dlsym(library(), name);
  if (found == nullptr) give_up();
  return reinterpret_cast<Function*>(found);
}

template <class Function>
struct Parameters;
template <class Result, class One, class... More>
struct Parameters<Result(One, More...)> {
  using First = One;
};
/// Where versions of curl differ: a const.
template <class Function>
using First = typename Parameters<Function>::First;

/// What follows the option in a call: a long, a curl_off_t or a pointer.
static_assert(sizeof(long) == sizeof(void*) && sizeof(curl_off_t) == sizeof(void*));

}  // namespace

// curl.h makes macros of the same names of those that take more arguments than they name.
#undef curl_easy_getinfo
#undef curl_easy_setopt
#undef curl_multi_setopt

#define MAYFLY_LATE(name) static const auto kFound = find(name, #name)

extern "C" {

CURLcode curl_global_init(long flags) {
  MAYFLY_LATE(curl_global_init);
  return kFound(flags);
}

curl_version_info_data* curl_version_info(CURLversion version) {
  MAYFLY_LATE(curl_version_info);
  return kFound(version);
}

void curl_free(void* memory) {
  MAYFLY_LATE(curl_free);
  kFound(memory);
}

// ---- one transfer -----------------------------------------------------------------------------

CURL* curl_easy_init() {
  MAYFLY_LATE(curl_easy_init);
  return kFound();
}

void curl_easy_cleanup(CURL* easy) {
  MAYFLY_LATE(curl_easy_cleanup);
  kFound(easy);
}

void curl_easy_reset(CURL* easy) {
  MAYFLY_LATE(curl_easy_reset);
  kFound(easy);
}

CURLcode curl_easy_setopt(CURL* easy, CURLoption option, ...) {
  MAYFLY_LATE(curl_easy_setopt);
  va_list rest;
  va_start(rest, option);
  void* const value = va_arg(rest, void*);
  va_end(rest);
  return kFound(easy, option, value);
}

CURLcode curl_easy_getinfo(CURL* easy, CURLINFO what, ...) {
  MAYFLY_LATE(curl_easy_getinfo);
  va_list rest;
  va_start(rest, what);
  void* const value = va_arg(rest, void*);
  va_end(rest);
  return kFound(easy, what, value);
}

const char* curl_easy_strerror(CURLcode code) {
  MAYFLY_LATE(curl_easy_strerror);
  return kFound(code);
}

curl_slist* curl_slist_append(curl_slist* list, const char* text) {
  MAYFLY_LATE(curl_slist_append);
  return kFound(list, text);
}

void curl_slist_free_all(curl_slist* list) {
  MAYFLY_LATE(curl_slist_free_all);
  kFound(list);
}

// ---- many at a time ---------------------------------------------------------------------------

CURLM* curl_multi_init() {
  MAYFLY_LATE(curl_multi_init);
  return kFound();
}

CURLMcode curl_multi_cleanup(CURLM* multi) {
  MAYFLY_LATE(curl_multi_cleanup);
  return kFound(multi);
}

CURLMcode curl_multi_setopt(CURLM* multi, CURLMoption option, ...) {
  MAYFLY_LATE(curl_multi_setopt);
  va_list rest;
  va_start(rest, option);
  void* const value = va_arg(rest, void*);
  va_end(rest);
  return kFound(multi, option, value);
}

CURLMcode curl_multi_add_handle(CURLM* multi, CURL* easy) {
  MAYFLY_LATE(curl_multi_add_handle);
  return kFound(multi, easy);
}

CURLMcode curl_multi_remove_handle(CURLM* multi, CURL* easy) {
  MAYFLY_LATE(curl_multi_remove_handle);
  return kFound(multi, easy);
}

CURLMcode curl_multi_perform(CURLM* multi, int* running) {
  MAYFLY_LATE(curl_multi_perform);
  return kFound(multi, running);
}

CURLMcode curl_multi_poll(CURLM* multi, curl_waitfd extra[], unsigned int extras, int timeout_ms,
                          int* ready) {
  MAYFLY_LATE(curl_multi_poll);
  return kFound(multi, extra, extras, timeout_ms, ready);
}

CURLMcode curl_multi_wakeup(CURLM* multi) {
  MAYFLY_LATE(curl_multi_wakeup);
  return kFound(multi);
}

CURLMcode curl_multi_socket_action(CURLM* multi, curl_socket_t socket, int events, int* running) {
  MAYFLY_LATE(curl_multi_socket_action);
  return kFound(multi, socket, events, running);
}

CURLMsg* curl_multi_info_read(CURLM* multi, int* queued) {
  MAYFLY_LATE(curl_multi_info_read);
  return kFound(multi, queued);
}

// ---- URLs -------------------------------------------------------------------------------------

CURLU* curl_url() {
  MAYFLY_LATE(curl_url);
  return kFound();
}

void curl_url_cleanup(CURLU* url) {
  MAYFLY_LATE(curl_url_cleanup);
  kFound(url);
}

CURLUcode curl_url_get(First<decltype(curl_url_get)> url, CURLUPart part, char** text,
                       unsigned int flags) {
  MAYFLY_LATE(curl_url_get);
  return kFound(url, part, text, flags);
}

CURLUcode curl_url_set(CURLU* url, CURLUPart part, const char* text, unsigned int flags) {
  MAYFLY_LATE(curl_url_set);
  return kFound(url, part, text, flags);
}

}  // extern "C"

#pragma once
// Types, constants, and calls of the two variadic functions, which Swift can't make. The library itself is
// opened at first use (linking it would cost every start about 10 milliseconds), so that these take the
// function's address.
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

typedef CURLcode (*cc_set)(CURL *, CURLoption, ...);
typedef CURLcode (*cc_get)(CURL *, CURLINFO, ...);

/// C: curl_easy_setopt with a number
static inline CURLcode cc_set_long(void *set, CURL *handle, CURLoption option, long value) {
    return ((cc_set)set)(handle, option, value);
}

/// C: curl_easy_setopt with a size
static inline CURLcode cc_set_size(void *set, CURL *handle, CURLoption option, curl_off_t value) {
    return ((cc_set)set)(handle, option, value);
}

/// C: curl_easy_setopt with a text, which libcurl copies
static inline CURLcode cc_set_text(void *set, CURL *handle, CURLoption option, const char *value) {
    return ((cc_set)set)(handle, option, value);
}

/// C: curl_easy_setopt with a pointer, which must live as long as the transfer
static inline CURLcode cc_set_pointer(void *set, CURL *handle, CURLoption option, void *value) {
    return ((cc_set)set)(handle, option, value);
}

typedef size_t (*cc_data)(char *bytes, size_t size, size_t count, void *context);

/// C: curl_easy_setopt with a function that gets or gives data
static inline CURLcode cc_set_function(void *set, CURL *handle, CURLoption option, cc_data value) {
    return ((cc_set)set)(handle, option, value);
}

/// C: curl_easy_getinfo for a number
static inline CURLcode cc_get_long(void *get, CURL *handle, CURLINFO info, long *value) {
    return ((cc_get)get)(handle, info, value);
}

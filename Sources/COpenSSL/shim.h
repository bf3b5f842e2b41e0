#pragma once
// As in CSystem: two modules that see glibc's headers under different macros can't be imported together.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/opensslv.h>
#include <openssl/params.h>

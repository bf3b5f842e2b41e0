#pragma once
// As in CSystem, so that both see the same types of the C library.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
// Types and constants only: the library itself is opened at first use, because linking it would cost
// every start of the program several milliseconds.
#include <archive.h>
#include <archive_entry.h>

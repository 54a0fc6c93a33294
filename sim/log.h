/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef SIM_LOG_H
#define SIM_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/*
 * One line on standard error: "vesper-sim: text". Warnings that a client can
 * cause at will are limited to a burst of 100 a second, so that nobody fills a
 * disk; how many were left out is said afterwards. Keys and frame contents
 * never go in here.
 */
void sim_log(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Lines above this level are not written; LOG_INFO at first. */
void sim_log_level(enum log_level highest);

#endif

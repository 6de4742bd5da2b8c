// Package recording reads and writes wrev's recording files: the module, how it was started, and the log of its host calls.
package recording

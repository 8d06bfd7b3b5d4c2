// Package flow is work over several domains: the only place that may import
// more than one. It knows neither HTTP nor SQL; what it needs from outside, as
// a source to import from, is an interface that app fills.
package flow

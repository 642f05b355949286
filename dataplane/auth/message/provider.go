package message

import "cmp"

// The providers of text messages.
const (
	providerTwilio       = "twilio"
	providerTwilioVerify = "twilio_verify"
	providerVonage       = "vonage"
	providerMessageBird  = "messagebird"
	providerHTTP         = "http"
)

func (p Providers) orTheirs() Providers {
	return Providers{
		Twilio: cmp.Or(p.Twilio, "https://api.twilio.com"), TwilioVerify: cmp.Or(p.TwilioVerify, "https://verify.twilio.com"),
		Vonage: cmp.Or(p.Vonage, "https://rest.nexmo.com"), MessageBird: cmp.Or(p.MessageBird, "https://rest.messagebird.com"),
	}
}

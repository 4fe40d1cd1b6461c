; Group: identity
; unsat means proved
(set-logic ALL)
(declare-fun |a.created| () Bool)
(declare-fun |k0| () Int)
(declare-fun |a.start.present| (Int) Bool)
(declare-fun |a.start.empty 0| () Bool)
(assert (not (= (|a.start.present| |k0|) (and |a.created| (|a.start.present| |k0|)))))
(assert (or |a.created| |a.start.empty 0|))
(assert (or (not |a.start.empty 0|) (not (|a.start.present| |k0|))))
(check-sat)

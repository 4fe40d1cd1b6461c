; GSet: frame add
; unsat means proved
(set-logic ALL)
(declare-fun |e| () Int)
(declare-fun |k0| () Int)
(declare-fun |t| (Int) Bool)
(assert (not (or (= |e| |k0|) (= (|t| |k0|) (or (|t| |k0|) (= |e| |k0|))))))
(check-sat)
